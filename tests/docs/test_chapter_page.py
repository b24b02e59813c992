"""docs/chapter.md says what works: its blocks are run as a reader would."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas
import pytest
from page_cells import blocks
from pages import run_page
from support import ROOT, Workspace

PAGE = ROOT / "docs" / "chapter.md"
FASHION_MNIST = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "fashion-mnist"

SECTIONS = ("10.2.1", "10.2.2", "10.2.3", "10.2.4", "10.2.5", "10.2.6", "10.2.7", "10.2.8", "10.3", "Exercise 10")


def test_every_section_of_the_chapter_has_a_block() -> None:
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for section in SECTIONS:
        part = next(part for part in parts if part.startswith(section))
        assert list(blocks(part)), f"{section} has no block"


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason=f"Fashion-MNIST is not at {FASHION_MNIST} (set KERAS_HOME)")
@pytest.mark.skipif(
    "SWEEPS_HOUSING_CSV" not in os.environ, reason="SWEEPS_HOUSING_CSV names the California housing CSV"
)
def test_the_page_runs_from_its_first_block_to_its_last(workspace: Workspace) -> None:
    houses = pandas.read_csv(os.environ["SWEEPS_HOUSING_CSV"]).sample(2000, random_state=0)
    houses.to_csv(workspace.folder / "houses.csv", index=False)
    printed = run_page(PAGE, workspace, "--whole")
    # what the page says of the losses
    assert "indices sparse_categorical_crossentropy" in printed
    assert "one-hot categorical_crossentropy" in printed
    assert "even binary_crossentropy" in printed
