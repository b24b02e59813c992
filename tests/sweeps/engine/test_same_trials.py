"""A search with one seed and one slot, as workers ran it when each had the study open for itself (commit 602b965)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support import Workspace

HERE = Path(__file__).parent
RUN = (
    *("run", "formula", "--space", "by_formula.py:Space", "--trials", "30", "--epochs", "8", "--jobs", "1"),
    *("--seed", "11", "--sampler-option", "startup=5", "--pruner-option", "startup=3"),
    *("--keep-models", "best:1", "--no-baselines"),
)


@pytest.mark.slow
def test_a_seed_gives_the_trials_that_it_gave_before_the_driver_drew_them(tmp_path: Path) -> None:
    shutil.copyfile(HERE / "by_formula.py", tmp_path / "by_formula.py")
    made = Workspace(tmp_path)
    done = made.sweeps(*RUN, timeout=500)
    assert done.returncode == 0, done.stderr
    before = json.loads((HERE / "by_formula.json").read_text())
    now = sorted(made.json("list", "formula"), key=lambda row: int(row["number"]))
    assert [row["state"] for row in now] == [row["state"] for row in before]
    for row, former in zip(now, before, strict=True):
        # the sampler's logarithms may differ by a bit from one processor to another
        assert row["params"].keys() == former["params"].keys()
        for name, value in row["params"].items():
            known = former["params"][name]
            assert value == (pytest.approx(known, rel=1e-9) if isinstance(known, float) else known)
        assert row["value"] == pytest.approx(former["value"], rel=1e-9)
