"""`sweeps run --detach`, `attach` and `stop`: a sweep that outlives the terminal it was started in."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest
from invariant import assert_sound
from support import Workspace

LONG = ("run", "away", "--trials", "300", "--epochs", "50", "--jobs", "1", "--pruner", "none", "--set", "n_hidden=1")


def working_in(folder: Path) -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cwd"]) if each.info["cwd"] == str(folder)]


@pytest.mark.slow
def test_a_sweep_in_the_background_is_shown_and_ended_in_order(workspace: Workspace) -> None:
    begun = workspace.sweeps(*LONG, "--detach")
    assert begun.returncode == 0, begun.stderr
    assert "study away runs in the background (process " in begun.stdout
    twice = workspace.sweeps(*LONG, "--detach")
    assert (twice.returncode, "runs in the background already" in twice.stderr) == (2, True)
    attached = workspace.start("attach", "away")
    assert attached.stdout is not None
    assert any("trial 0 COMPLETE" in line for line in attached.stdout)
    attached.send_signal(signal.SIGINT)
    said, _ = attached.communicate(timeout=20)
    assert attached.returncode == 0
    assert "the sweep goes on; sweeps attach away shows it again" in said
    ended = workspace.sweeps("stop", "away")
    assert ended.returncode == 0, ended.stderr
    assert "study away has ended; sweeps resume away goes on" in ended.stdout
    deadline = time.monotonic() + 10
    while (left := working_in(workspace.folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    assert_sound(workspace, "away")
    gone = workspace.sweeps("stop", "away")
    assert (gone.returncode, "no sweep of study 'away' runs in the background" in gone.stderr) == (2, True)


@pytest.mark.slow
def test_a_sweep_that_cannot_begin_in_the_background_says_why_and_leaves_nothing(workspace: Workspace) -> None:
    done = workspace.sweeps("run", "away", "--space", "missing.py:build", "--detach")
    assert done.returncode == 2
    assert "missing.py" in done.stderr
    assert not (workspace.folder / "runs/studies/away").exists()


def test_attach_and_stop_without_a_sweep_say_so(workspace: Workspace) -> None:
    for command in ("attach", "stop"):
        done = workspace.here(command, "away")
        assert (done.returncode, "no sweep of study 'away' runs in the background" in done.stderr) == (2, True)
