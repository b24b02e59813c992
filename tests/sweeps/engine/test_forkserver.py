"""Workers are forked from one process that has imported what a trial needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support import ROOT, SharedWorker, Workspace

from sweeps.engine import forkserver
from sweeps.engine.cluster import slots

pytestmark = pytest.mark.skipif(not forkserver.AVAILABLE, reason="Linux has it")


def test_a_worker_is_forked_and_has_imported_what_a_trial_needs(worker: SharedWorker) -> None:
    (parent,) = worker.client.run(os.getppid).values()
    assert "forkserver" in " ".join(psutil.Process(parent).cmdline())
    assert psutil.Process(parent).ppid() == os.getpid()
    assert psutil.Process(parent).num_threads() <= 2  # of TensorFlow's allocator, which knows how to be forked


def test_a_worker_has_the_environment_that_its_parent_has_when_it_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def environment() -> dict[str, str]:
        return dict(os.environ)

    monkeypatch.setenv("ONLY_THEN", "yes")
    with slots(1) as client:
        (then,) = client.run(environment).values()
    monkeypatch.delenv("ONLY_THEN")
    monkeypatch.setenv("ONLY_NOW", "yes")
    monkeypatch.delenv("HOME")  # which the process that workers are forked from was started with
    with slots(1) as client:
        (now,) = client.run(environment).values()
    assert (then.get("ONLY_THEN"), then.get("ONLY_NOW")) == ("yes", None)
    assert (now.get("ONLY_THEN"), now.get("ONLY_NOW")) == (None, "yes")
    assert ("HOME" in then, "HOME" in now) == (True, False)
    assert now["PATH"] == os.environ["PATH"]
    assert now.get("PYTHONPATH") == os.environ.get("PYTHONPATH")


def test_workers_draw_other_random_numbers_than_each_other() -> None:
    def drawn() -> tuple[float, float]:
        import random

        import numpy as np

        return random.random(), float(np.random.rand())

    with slots(2) as client:
        client.wait_for_workers(2, timeout=60)
        first, second = client.run(drawn).values()
    assert first[0] != second[0]
    assert first[1] != second[1]


@pytest.mark.slow
def test_modules_of_the_working_directory_are_not_imported(workspace: Workspace) -> None:
    for name in ("numpy", "keras", "signal", "sweeps"):
        Path(workspace.folder, f"{name}.py").write_text("open('imported', 'w')\nraise SystemExit('mine')\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("sweeps"), "run", "s", "--trials", "1", "--epochs", "1", "--no-baselines"],
        cwd=workspace.folder,
        env=workspace.environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "imported" not in workspace.files


@pytest.mark.slow
def test_a_temporary_folder_with_a_long_path_costs_no_more_than_time(workspace: Workspace) -> None:
    temporary = workspace.folder / ("long" * 25)
    temporary.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", "run", "s", "--trials", "1", "--epochs", "1", "--no-baselines"],
        cwd=workspace.folder,
        env=workspace.environment | {"TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "1 COMPLETE" in done.stdout
