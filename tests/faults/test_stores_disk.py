"""A disk that runs full while models are logged: a small tmpfs under the workspace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

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


def test_a_full_disk_fails_the_trials_at_hand_and_leaves_every_store_readable(small: Workspace) -> None:
    done = small.sweeps(*RUN, "--trials", "12", timeout=500)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    assert str(small.folder / "runs") in done.stderr
    trials = small.json("status", "digits-mlp")["trials"]
    assert trials["COMPLETE"] > 0
    assert small.sweeps("doctor", "digits-mlp").returncode in (0, 5)
    assert small.sweeps("best", "digits-mlp").returncode == 0

    mount("-o", "remount,size=200m", str(small.folder / "runs"))
    done = small.sweeps(*RUN, "--trials", "12", timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_sound(small, total=12)
