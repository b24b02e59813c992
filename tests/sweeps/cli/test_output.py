"""A sweep does not depend on who reads its output; a short command says in a line that nobody can."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from support import ROOT, Workspace

from sweeps.cli.output import LastingOutput

RUN = f"{sys.executable} -m sweeps run study --trials 2 --epochs 1 --jobs 1"


def shell(workspace: Workspace, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=workspace.folder,
        env=workspace.environment | variables,
        capture_output=True,
        text=True,
        timeout=540,
    )


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["| head -1", "> /dev/full", ">&- 2>&-"])
def test_a_sweep_runs_all_its_trials_whoever_reads_its_output(reader: str, workspace: Workspace) -> None:
    done = shell(workspace, f"{RUN} {reader}")
    assert (done.returncode, done.stderr) == (0, "")
    assert workspace.json("status", "study")["trials"]["COMPLETE"] == 2


def test_what_cannot_be_written_is_dropped_and_the_next_line_too() -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as stream:  # noqa: PTH123
        lasting = LastingOutput(stream)
        for _ in range(2):
            lasting.write("line\n")
            lasting.flush()


def test_what_can_be_written_is() -> None:
    text = io.StringIO()
    LastingOutput(text).write("line\n")
    assert text.getvalue() == "line\n"


def test_a_stream_that_was_closed_before_the_start_is_written_to_without_an_error() -> None:
    LastingOutput(None).write("line\n")


def test_a_short_command_says_that_standard_output_is_full(finished: Workspace) -> None:
    done = shell(finished, f"{sys.executable} -m sweeps list digits-mlp > /dev/full")
    assert done.returncode == 4
    assert done.stderr.splitlines() == ["sweeps: [Errno 28] No space left on device"]


def test_a_character_that_the_terminal_lacks_is_a_question_mark(workspace: Workspace) -> None:
    shown = "from sweeps.cli.output import print_any_text; print_any_text(); print(chr(8230))"
    done = shell(workspace, f"{sys.executable} -c '{shown}'", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, "?\n")


def test_the_next_commands_are_those_of_who_started_the_sweep(finished: Workspace) -> None:
    said = (finished.folder / "output.txt").read_text()
    assert "Next: sweeps best digits-mlp | sweeps report digits-mlp | sweeps export digits-mlp | sweeps ui" in said
    assert "SWEEPS_FROM_MAKE" in (ROOT / "Makefile").read_text()
