"""docs/chapter.md says what works: its blocks are run as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pandas
import pytest
from page_cells import Block, blocks
from support import ROOT, Workspace

from sweeps.cli.main import cli

PAGE = ROOT / "docs" / "chapter.md"
BLOCKS = list(blocks(PAGE.read_text(encoding="utf-8")))
FASHION_MNIST = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "fashion-mnist"

SECTIONS = ("10.2.1", "10.2.2", "10.2.3", "10.2.4", "10.2.5", "10.2.6", "10.2.7", "10.2.8", "10.3", "Exercise 10")


def test_every_section_of_the_chapter_has_a_block() -> None:
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for section in SECTIONS:
        part = next(part for part in parts if part.startswith(section))
        assert list(blocks(part)), f"{section} has no block"


def test_every_block_is_of_a_kind_that_is_run() -> None:
    fences = PAGE.read_text(encoding="utf-8").count("\n```") / 2
    assert len(BLOCKS) == fences
    assert {block.kind for block in BLOCKS} == {"sh", "python"}


def commands() -> list[tuple[int, list[str]]]:
    """Each `sweeps …` of the page with its line."""
    found = []
    for block in BLOCKS:
        # a line that ends with a backslash goes on in the next one
        for command in re.finditer(r"^sweeps (?:.*\\\n)*.*$", block.code if block.kind == "sh" else "", re.MULTILINE):
            line = block.line + block.code.count("\n", 0, command.start())
            found.append((line, shlex.split(command[0].replace("\\\n", ""))[1:]))
    return found


@pytest.mark.parametrize(("line", "arguments"), [pytest.param(*each, id=f"line {each[0]}") for each in commands()])
def test_every_command_is_one_that_the_command_line_takes(line: int, arguments: list[str]) -> None:
    if arguments == ["--version"]:
        return
    name, *rest = arguments
    command = cli.commands[name]
    context = click.Context(command, info_name=name)
    command.parse_args(context, rest)


def test_a_block_that_fails_is_told_with_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 1\nraise ValueError("no")\n```\n')
    assert list(blocks(page.read_text()))[1] == Block("python", None, 'assert x == 1\nraise ValueError("no")\n', 8)
    done = run(page, tmp_path, dict(os.environ))
    assert done.returncode == 1
    assert 'File "page.md", line 9' in done.stderr


def run(page: Path, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tests" / "docs" / "page_cells.py"), str(page)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500)


@pytest.mark.slow
@pytest.mark.timeout(1600)
@pytest.mark.skipif(not FASHION_MNIST.is_dir(), reason=f"Fashion-MNIST is not at {FASHION_MNIST} (set KERAS_HOME)")
@pytest.mark.skipif(
    "SWEEPS_HOUSING_CSV" not in os.environ, reason="SWEEPS_HOUSING_CSV names the California housing CSV"
)
def test_the_page_runs_from_its_first_block_to_its_last(workspace: Workspace) -> None:
    binaries = workspace.folder / "bin"
    binaries.mkdir()
    for name, start in (("sweeps", "-m sweeps"), ("python", "")):
        (binaries / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (binaries / name).chmod(0o755)
    houses = pandas.read_csv(os.environ["SWEEPS_HOUSING_CSV"]).sample(2000, random_state=0)
    houses.to_csv(workspace.folder / "houses.csv", index=False)
    environment = workspace.environment | {"PATH": f"{binaries}:{os.environ['PATH']}"}
    done = run(PAGE, workspace.folder, environment)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    # what the page says of the losses
    assert "indices sparse_categorical_crossentropy" in done.stdout
    assert "one-hot categorical_crossentropy" in done.stdout
    assert "even binary_crossentropy" in done.stdout
