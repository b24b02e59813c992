"""An MLflow server that goes away under a running sweep: no trial, no metric is lost, nothing is there twice."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from invariant import assert_sound
from servers import MlflowServer, Proxy
from support import Workspace

from tracking import Store, child_runs, find_store

pytestmark = pytest.mark.slow

EPOCHS = 400
SMALL = ("run", "--pruner", "none", "--set", "n_hidden=1", "--set", "n_neurons=32")
RUN = (*SMALL, "--epochs", str(EPOCHS), "--jobs", "2")


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


def test_a_server_that_is_stopped_for_a_minute_costs_nothing(workspace: Workspace, server: MlflowServer) -> None:
    process = workspace.start(*RUN, "--trials", "6")
    store = wait_for_metrics(process, server, 1)
    server.stop()
    time.sleep(60)
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


def test_creations_whose_answers_are_lost_are_not_made_twice(workspace: Workspace, server: MlflowServer) -> None:
    proxy = Proxy(server.port)
    # the sweep's own run, then each trial's, and a logged model
    losses = [b"runs/create", b"runs/create", b"logged-models", b"runs/create"]
    wanted = len(losses)
    proxied = Workspace(workspace.folder, proxy.uri)
    process = proxied.start(*SMALL, "--epochs", "2", "--jobs", "1", "--trials", "2")
    while process.poll() is None:
        if losses and not proxy.lose:
            proxy.lose = losses.pop(0)
        time.sleep(0.01)
    _, said = process.communicate()
    assert (process.returncode, proxy.lost) == (0, wanted), said
    assert_sound(proxied, total=2)
    proxy.close()
    store = find_store(server.uri, "digits-mlp")
    assert store is not None
    numbers = [run.data.tags["trial"] for run in child_runs(store)]
    assert sorted(numbers) == ["0", "1"]
    assert len(store.client.search_logged_models([store.experiment_id])) == 2
