"""A disk that runs full while models are logged: a small tmpfs under the workspace, and files that may not grow."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from invariant import assert_sound
from support import Workspace

pytestmark = pytest.mark.slow

RUN = ("run", "--epochs", "1", "--pruner", "none", "--jobs", "1", "--set", "n_hidden=2", "--set", "n_neurons=400..500")


def mount(*arguments: str) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a tmpfs cannot be mounted here: {getattr(error, 'stderr', error)}")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose runs/ has room for the stores and a few models."""
    (tmp_path / "runs").mkdir()
    mount("-t", "tmpfs", "-o", "size=12m", "tmpfs", str(tmp_path / "runs"))
    yield Workspace(tmp_path)
    subprocess.run(["umount", "--lazy", str(tmp_path / "runs")], check=True)


def assert_halted(workspace: Workspace, code: int, said: str, what: str) -> None:
    """The sweep stopped at the first trial that could not be kept, and said why; the next command goes on."""
    assert code == 4, said
    assert "Traceback" not in said
    assert what in said
    assert str(workspace.folder / "runs") in said
    assert "left unfinished" in said
    trials = workspace.json("status", "digits-mlp")["trials"]
    assert trials["COMPLETE"] > 0
    assert trials["FAIL"] + trials["RUNNING"] == 1
    assert workspace.sweeps("best", "digits-mlp").returncode == 0


def test_a_full_disk_stops_the_sweep_and_leaves_the_trial_at_hand_unfinished(small: Workspace) -> None:
    done = small.sweeps(*RUN, "--trials", "12", timeout=500)
    assert_halted(small, done.returncode, done.stdout + done.stderr, "No space left on device")

    mount("-o", "remount,size=200m", str(small.folder / "runs"))
    done = small.sweeps(*RUN, "--trials", "12", timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_sound(small, total=12)


#: more than the stores have, less than a model and its optimizer
ROOM = 2_000_000


def test_a_limit_on_the_size_of_files_stops_the_sweep_at_once(workspace: Workspace) -> None:
    run = (*RUN, "--set", "optimizer=adam", "--trials", "4")
    process = workspace.start(*run)
    models = workspace.folder / "runs" / "artifacts"
    while not list(models.rglob("model.keras")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]:
        _, hard = one.rlimit(resource.RLIMIT_FSIZE)
        one.rlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    out, said = process.communicate(timeout=300)
    assert_halted(workspace, process.returncode, out + said, "File too large")

    done = workspace.sweeps(*run, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_sound(workspace, total=4)
