"""An MLflow server that goes away under a running sweep: no trial, no metric is lost, nothing is there twice."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from invariant import assert_sound
from servers import MlflowServer
from support import Workspace

from tracking import Store, child_runs, find_store

pytestmark = pytest.mark.slow

EPOCHS = 400
RUN = (
    "run",
    "--epochs",
    str(EPOCHS),
    "--pruner",
    "none",
    "--set",
    "n_hidden=1",
    "--set",
    "n_neurons=32",
    "--jobs",
    "2",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MlflowServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = MlflowServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def workspace(tmp_path: Path, server: MlflowServer) -> Workspace:
    """An empty one, whose record is the server."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return Workspace(folder, server.uri)


def wait_for_metrics(process: subprocess.Popen[str], server: MlflowServer, runs: int) -> Store:
    """Wait until so many trials have logged an epoch."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        store = find_store(server.uri, "digits-mlp")
        if store and sum(bool(run.data.metrics) for run in child_runs(store)) >= runs:
            return store
        time.sleep(0.3)
    raise AssertionError("no trial has logged an epoch")


def assert_every_epoch_is_there_once(store: Store) -> None:
    runs = child_runs(store)
    for run in runs:
        history = store.client.get_metric_history(run.info.run_id, "val_accuracy")
        assert sorted(entry.step for entry in history) == list(range(1, EPOCHS + 1))


def test_a_server_that_is_stopped_for_30_seconds_costs_nothing(workspace: Workspace, server: MlflowServer) -> None:
    process = workspace.start(*RUN, "--trials", "6")
    store = wait_for_metrics(process, server, 1)
    server.stop()
    time.sleep(30)
    server.start()
    _, said = process.communicate(timeout=550)
    assert process.returncode == 0, said
    assert_sound(workspace, total=6)
    assert len(child_runs(store)) == 6
    assert_every_epoch_is_there_once(store)


def test_a_server_that_is_away_at_the_end_costs_no_trial(workspace: Workspace, server: MlflowServer) -> None:
    process = workspace.start(*RUN, "--trials", "2")
    store = wait_for_metrics(process, server, 2)
    server.stop()
    _, said = process.communicate(timeout=550)
    assert process.returncode == 4, said
    assert "Traceback" not in said
    assert workspace.json("status", "digits-mlp")["trials"]["COMPLETE"] == 2
    assert workspace.sweeps("doctor", "digits-mlp").returncode == 4
    server.start()
    assert workspace.sweeps("doctor", "digits-mlp").returncode == 5
    done = workspace.sweeps(*RUN, "--trials", "2", timeout=500)
    assert done.returncode == 0, done.stderr
    assert_sound(workspace, total=2)
    assert len(child_runs(store)) == 2
    assert_every_epoch_is_there_once(store)
    exported = workspace.sweeps("export", "digits-mlp")
    assert exported.returncode == 0, exported.stderr
    rescored = workspace.sweeps("doctor", "digits-mlp", "--rescore")
    assert rescored.returncode == 0, rescored.stdout + rescored.stderr
