"""Commands in messages, for who types `sweeps` and for who types `make`."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from support import ROOT

from sweeps.cli.command_line import command, to_go_on
from sweeps.config import SweepConfig
from sweeps.system.commands import hint, hints


@pytest.fixture
def by_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEPS_FROM_MAKE", "1")


def test_who_types_sweeps_reads_sweeps() -> None:
    assert hint("best", "s") == "sweeps best s"
    assert hint("confirm", "s", "--top", "3") == "sweeps confirm s --top 3"
    assert hints("s", "best", "ui") == "sweeps best s | sweeps ui"


def test_who_types_make_reads_targets_and_else_the_program_that_make_has_installed(by_make: None) -> None:
    assert hint("best", "s") == "make best STUDY=s"
    assert hint("confirm", "s", "--top", "3") == "make confirm STUDY=s 'ARGS=--top 3'"
    assert hint("doctor", "s", "--fix") == ".venv/bin/sweeps doctor s --fix"
    assert hint("ui") == "make ui"
    assert hints("s", "best", "ui") == "make best | make ui   (STUDY=s)"


def test_the_command_that_goes_on_is_one_of_make_with_the_same_options(by_make: None, tmp_path: Path) -> None:
    config = SweepConfig(study="s", trials=7, dataset="my table.csv", target="price $", set=("n_hidden=1",), patience=3)
    line = to_go_on(config)
    assert line.startswith("make sweep STUDY=s 'DATASET=my table.csv' TRIALS=7 'ARGS=")
    # make itself, whose recipe only prints what it would run
    words = shlex.split(line)
    program = tmp_path / "show"
    program.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    program.chmod(0o755)
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)/python -m sweeps.cli.make_args $(BIN)", f"{program} ")
    (tmp_path / "Makefile").write_text(makefile.replace("sweep: setup", "sweep:"))
    done = subprocess.run([*words[:1], "-s", *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"my table.csv", "7", "s"} <= set(done.stdout.splitlines())
    assert "'price $'" in line.replace("\\", "") or "price $" in words[-1]


def test_a_document_has_the_command_line_whoever_asks_for_it(by_make: None) -> None:
    assert command(SweepConfig(study="s", trials=7)) == "sweeps run s --trials 7"
