"""Sweeps on a Dask scheduler and workers that were started by hand, each in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dask_cluster import DaskCluster, epochs_begun, lay_out_slow_space
from distributed import Client
from invariant import assert_sound
from support import ROOT, Workspace

import sweeps
from sweeps.engine.remote_dispatcher import RemoteDispatcher

pytestmark = pytest.mark.slow

#: run by Python in each process that has its folder in PYTHONPATH
OTHER_VERSION = """
import importlib.metadata
found = importlib.metadata.version
importlib.metadata.version = lambda name: "1.0" if name == "numpy" else found(name)
"""
NO_PACKAGE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sweeps":
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, Missing())
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A scheduler and two workers."""
    made = DaskCluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        for name in ("one", "two"):
            made.add(name)
        made.wait_for(2)
        yield made
    finally:
        made.end()


def customized(folder: Path, code: str) -> str:
    """A PYTHONPATH with which a process begins with this code."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return f"{folder}:{ROOT}"


@dataclass
class Slow:
    """A sweep whose epochs last as long as a test needs."""

    workspace: Workspace
    cluster: DaskCluster

    @property
    def folder(self) -> Path:
        return self.workspace.folder

    def pace(self, seconds: float) -> None:
        (self.folder / "pace").write_text(str(seconds))

    def options(self, trials: int, epochs: int) -> list[str]:
        words = ["run", "slow", "--space", "space.py:Space", "--pruner", "none", "--sampler", "random"]
        return [*words, "--trials", str(trials), "--epochs", str(epochs), "--cluster", self.cluster.address]

    def epochs(self) -> list[tuple[int, str, int]]:
        return epochs_begun(self.folder)

    def wait_for(self, what: Any, process: subprocess.Popen[str], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, self.cluster.said()[-5000:]
            time.sleep(0.05)


@pytest.fixture
def slow(workspace: Workspace, cluster: DaskCluster) -> Slow:
    made = Slow(workspace, cluster)
    lay_out_slow_space(made.folder)
    return made


def trials_of(workspace: Workspace, study: str) -> list[dict[str, Any]]:
    names = ("number", "state", "value", "params", "error")
    return [{name: trial[name] for name in names} for trial in workspace.json("list", study)]


def test_a_remote_worker_gives_the_trials_of_a_local_slot_to_the_bit(
    tmp_path: Path, cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = Workspace(tmp_path / "near"), Workspace(tmp_path / "far")
    words = ["run", "--trials", "4", "--epochs", "3", "--jobs", "1"]
    for workspace, more in ((near, []), (far, ["--cluster", cluster.address])):
        workspace.folder.mkdir()
        done = workspace.sweeps(*words, *more)
        assert done.returncode == 0, done.stderr
        assert_sound(workspace, total=4)
    assert trials_of(far, "digits-mlp") == trials_of(near, "digits-mlp")
    assert not list(cluster.folder.rglob("runs")), "workers keep nothing of a study"


def test_a_killed_worker_costs_no_trial_and_who_comes_in_mid_sweep_gets_some(slow: Slow, tmp_path: Path) -> None:
    cluster = slow.cluster
    slow.pace(1.2)
    process = slow.workspace.start(*slow.options(trials=8, epochs=5))
    slow.wait_for(lambda: any(epoch == 3 for *_, epoch in slow.epochs()), process)
    victim, model, _ = next(one for one in slow.epochs() if one[2] == 3)
    os.kill(victim, signal.SIGKILL)
    added = [cluster.add("other", PYTHONPATH=customized(tmp_path / "site", OTHER_VERSION)), cluster.add("third")]
    try:
        cluster.wait_for(4)
        pids = cluster.pids()
        slow.wait_for(lambda: pids["third"] in {pid for pid, *_ in slow.epochs()}, process)
        slow.pace(0)
        _, complained = process.communicate(timeout=240)
    finally:
        process.kill()
        for one in added:
            cluster.end(one)
    assert process.returncode == 0, complained
    assert_sound(slow.workspace, "slow", total=8)
    again = [(pid, epoch) for pid, name, epoch in slow.epochs() if name == model]
    assert [epoch for pid, epoch in again if pid == victim] == [0, 1, 2, 3]
    # a checkpoint is written beside the next epoch: the last may not have come to its end
    assert [epoch for pid, epoch in again if pid != victim] in ([2, 3, 4], [3, 4])
    dead = [trial for trial in trials_of(slow.workspace, "slow") if trial["state"] == "FAIL"]
    assert [trial["error"] for trial in dead] == [dead[0]["error"]]
    assert "died, or was cut off" in dead[0]["error"]
    assert "numpy 1.0 instead of" in complained
    assert "it gets no trials" in complained
    assert pids["other"] not in {pid for pid, *_ in slow.epochs()}


def test_a_trial_whose_worker_goes_before_it_gets_it_is_lost_not_waited_for(cluster: DaskCluster) -> None:
    cluster.add("three")
    cluster.wait_for(3)
    with Client(cluster.address, set_as_default=False) as client, client.as_current():
        dispatcher = RemoteDispatcher(client)
        while len(dispatcher.ready()) < 3:
            time.sleep(0.1)
        others = [dispatcher.submit(time.sleep, 5, trial=number) for number in range(2)]
        assert dispatcher.free(3) == 1
        (place,) = (place for place in dispatcher.ready() if place not in map(dispatcher._given.get, others))
        client.retire_workers([place.address], close_workers=True, remove=True)
        while len(dispatcher.ready()) > 2:
            time.sleep(0.1)
        late = dispatcher.submit(time.sleep, 5, trial=2)
        while not (ended := dispatcher.ended()):
            pass
        dispatcher.stop()
    assert ended[0].task is late
    assert ended[0].death == f"its worker {place.address} died, or was cut off"


def test_ctrl_c_ends_the_sweep_and_leaves_the_workers_to_the_next(slow: Slow) -> None:
    slow.pace(0.5)
    process = slow.workspace.start(*slow.options(trials=3, epochs=40))
    slow.wait_for(lambda: any(epoch == 2 for *_, epoch in slow.epochs()), process)
    before = slow.cluster.pids()
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert (process.returncode, time.monotonic() - begun < 15) == (130, True)
    assert slow.cluster.pids() == before
    slow.pace(0)
    done = slow.workspace.sweeps(*slow.options(trials=3, epochs=40))
    assert done.returncode == 0, done.stderr
    assert_sound(slow.workspace, "slow", total=3)
    assert slow.cluster.pids() == before
    begun_by = [(name, epoch) for _, name, epoch in slow.epochs()]
    assert len(begun_by) - len(set(begun_by)) <= 2, "what was interrupted went on where it was"


def test_a_program_gives_a_client(cluster: DaskCluster, here: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(200, 3)).astype("float32"), np.arange(200) % 2
    with cluster.client() as client:
        result = sweeps.run("mlp", data=(x, y), cluster=client, trials=2, epochs=2, show=False)
        assert client.status == "running"
    assert len(result.study.trials) == 2


def test_a_scheduler_that_does_not_answer_is_named(workspace: Workspace) -> None:
    begun = time.monotonic()
    done = workspace.here("run", "--cluster", "tcp://127.0.0.1:9")
    assert (done.returncode, time.monotonic() - begun < 15) == (4, True)
    assert "the scheduler tcp://127.0.0.1:9 does not answer" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert workspace.files == []


@pytest.mark.parametrize(
    ("code", "said"), [(OTHER_VERSION, "numpy 1.0 instead of"), (NO_PACKAGE, "No module named 'sweeps")]
)
def test_a_worker_that_cannot_run_trials_is_named_before_the_first(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, code: str, said: str
) -> None:
    folder = tmp_path_factory.mktemp("cluster")
    cluster = DaskCluster(folder)
    try:
        cluster.start()
        cluster.add("one", PYTHONPATH=customized(folder / "site", code))
        done = workspace.here("run", "--cluster", cluster.address)
    finally:
        cluster.end()
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert workspace.files == []


def test_with_certificates_all_is_encrypted_and_who_has_none_is_refused(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("cluster")
    subprocess.run(["bash", ROOT / "deploy/certificates.sh", folder / "certificates"], check=True, capture_output=True)
    authority, certificate, key = (folder / "certificates" / f"{name}.pem" for name in ("ca", "cert", "key"))
    options = ("--tls-ca-file", authority, "--tls-cert", certificate, "--tls-key", key)
    cluster = DaskCluster(folder, tuple(map(str, options)))
    words = ["run", "--trials", "1", "--epochs", "1", "--cluster"]
    try:
        cluster.start()
        assert cluster.address.startswith("tls://")
        cluster.add("one")
        for address in (cluster.address, cluster.address.replace("tls", "tcp")):
            refused = workspace.here(*words, address)
            assert refused.returncode == 4, refused.stderr
            assert len(refused.stderr.splitlines()) <= 2
        names = {"CA_FILE": authority, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
        for name, file in names.items():
            monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{name}", str(file))
        done = workspace.sweeps(*words, cluster.address)
        assert done.returncode == 0, f"{done.stderr}\n{cluster.said()}"
    finally:
        cluster.end()
    assert_sound(workspace, total=1)
