"""Hosts that share a study: Dask's workers, PostgreSQL and an MLflow server on it, of which one after the other fails.

Network namespaces are hosts whose link can be cut.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dask_cluster import DaskCluster, epochs_begun, lay_out_slow_space
from faults.conftest import PacedSweep, paced_sweep
from invariant import assert_sound
from servers import MlflowServer, Postgres
from support import ROOT, Workspace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

TRIALS = 300
MANY = (
    *("run", "many", "--trials", str(TRIALS), "--epochs", "2", "--sampler", "random", "--pruner", "none"),
    *("--set", "n_hidden=1", "--set", "n_neurons=64..96", "--start", "none", "--no-baselines", "--no-report"),
)


def is_over(process: subprocess.Popen[str]) -> bool:
    return process.poll() is not None


def wait_for(what: Callable[[], object], *processes: subprocess.Popen[str], seconds: float = 900) -> None:
    """Wait until it is so, while the processes run."""
    deadline = time.monotonic() + seconds
    while not what():
        assert not any(map(is_over, processes)), [process.communicate() for process in processes if is_over(process)]
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def complete(workspace: Workspace) -> int:
    """How many trials have ended well, as far as the workspace's journal says."""
    journal = workspace.folder / "runs/studies/many/journal.log"
    lines = journal.read_text().splitlines() if journal.exists() else []
    return sum('"op_code":6' in line and '"state":1' in line for line in lines)


@pytest.fixture
def tls(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[DaskCluster]:
    """A scheduler and two workers that speak TLS, as sweeps of this process do."""
    folder = tmp_path_factory.mktemp("cluster")
    subprocess.run(["bash", ROOT / "deploy/certificates.sh", folder / "certificates"], check=True, capture_output=True)
    files = {name: str(folder / "certificates" / f"{name}.pem") for name in ("ca", "cert", "key")}
    for variable, name in {"CA_FILE": "ca", "CLIENT__CERT": "cert", "CLIENT__KEY": "key"}.items():
        monkeypatch.setenv(f"DASK_DISTRIBUTED__COMM__TLS__{variable}", files[name])
    options = ("--tls-ca-file", files["ca"], "--tls-cert", files["cert"], "--tls-key", files["key"])
    cluster = DaskCluster(folder, options)
    try:
        cluster.start()
        for name in ("one", "two"):
            cluster.add(name)
        yield cluster
    finally:
        cluster.end()


def test_a_sweep_of_two_drivers_outlives_a_worker_the_database_and_the_mlflow_server(
    tls: DaskCluster, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = MlflowServer(tmp_path_factory.mktemp("server"), postgres.uri("postgresql+psycopg2"))
    server.start()
    one, other = (Workspace(tmp_path_factory.mktemp(name), server.uri) for name in ("one", "other"))
    words = (*MANY, "--storage", postgres.uri())
    first, second = one.start(*words, "--cluster", tls.address), other.start(*words, "--jobs", "1")
    try:
        wait_for(lambda: complete(one) > TRIALS // 10, first, second)
        pids = tls.pids()
        tls.add("three")
        tls.add("four")
        os.kill(pids["one"], signal.SIGKILL)
        wait_for(lambda: complete(one) > TRIALS // 3, first, second)
        postgres.stop()
        time.sleep(3)
        postgres.start()
        wait_for(lambda: complete(one) > TRIALS // 2, first, second)
        server.stop()
        time.sleep(5)
        server.start()
        said = [process.communicate(timeout=900)[1] for process in (first, second)]
        assert [first.returncode, second.returncode] == [0, 0], said
        for workspace, more in ((one, ("--cluster", tls.address)), (other, ("--jobs", "1"))):
            again = workspace.sweeps(*words, *more)  # sends what the server had not got
            assert again.returncode == 0, again.stderr
            assert_sound(workspace, "many", TRIALS)
        status: dict[str, Any] = other.json("status", "many")
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()
        server.stop()
    assert status["trials"]["COMPLETE"] == TRIALS
    assert status["trials"]["FAIL"] <= TRIALS * 2 // 100, "repeated"


@pytest.fixture
def far_host() -> Iterator[Callable[[bool], None]]:
    """A network namespace at 10.213.77.2, of which this host is 10.213.77.1; called, its link is up or cut."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("network namespaces need root and iproute2")

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        ip("netns", "add", "sweeps-far")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made: {error.stderr.decode().strip()}")
    try:
        ip("link", "add", "sweeps-near", "type", "veth", "peer", "name", "sweeps-far", "netns", "sweeps-far")
        ip("addr", "add", "10.213.77.1/30", "dev", "sweeps-near")
        ip("link", "set", "sweeps-near", "up")
        for words in (
            ("addr", "add", "10.213.77.2/30", "dev", "sweeps-far"),
            ("link", "set", "sweeps-far", "up"),
            ("link", "set", "lo", "up"),
        ):
            ip("-n", "sweeps-far", *words)
        yield lambda up: ip("link", "set", "sweeps-near", "up" if up else "down")
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("link", "del", "sweeps-near")
        ip("netns", "del", "sweeps-far")


def test_a_worker_that_was_cut_off_writes_nothing_when_it_comes_back(
    far_host: Callable[[bool], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("near"))
    folder = workspace.folder
    lay_out_slow_space(folder)
    (folder / "pace").write_text("2")

    def epochs() -> list[tuple[int, str, int]]:
        return epochs_begun(folder)

    cluster = DaskCluster(tmp_path_factory.mktemp("cluster"), host="10.213.77.1")
    words = ["run", "cut", "--space", "space.py:Space", "--pruner", "none", "--sampler", "random", "--trials", "6"]
    try:
        cluster.start()
        cluster.add("near", "--host", "10.213.77.1")
        cluster.add("far", "--host", "10.213.77.2", where=("ip", "netns", "exec", "sweeps-far"))
        cluster.wait_for(2)
        far = cluster.pids()["far"]
        process = workspace.start(*words, "--epochs", "12", "--cluster", cluster.address)
        wait_for(lambda: (far, 3) in {(pid, epoch) for pid, _, epoch in epochs()}, process, seconds=240)
        cut = next(name for pid, name, _ in epochs() if pid == far)
        far_host(False)
        wait_for(lambda: any(pid != far and name == cut for pid, name, _ in epochs()), process, seconds=240)
        far_host(True)  # its successor trains
        (folder / "pace").write_text("0.1")
        _, said = process.communicate(timeout=400)
        assert process.returncode == 0, f"{said}\n{cluster.said()[-5000:]}"
    finally:
        cluster.end()
    assert_sound(workspace, "cut", total=6)
    trials = workspace.json("list", "cut")
    lost = [trial for trial in trials if trial["state"] == "FAIL"]
    assert len(lost) == 1
    assert "was cut off" in lost[0]["error"]
    ran = [epoch for pid, name, epoch in epochs() if name == cut and pid != far]
    assert ran[-1] == 11
    assert ran[0] >= 1, "it went on from the last checkpoint that had come"


def test_a_lost_scheduler_ends_the_sweep_and_the_same_command_goes_on(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("near"))
    lay_out_slow_space(workspace.folder)
    (workspace.folder / "pace").write_text("1")
    words = ["run", "lost", "--space", "space.py:Space", "--pruner", "none", "--sampler", "random", "--trials", "4"]
    for is_second in (False, True):
        cluster = DaskCluster(tmp_path_factory.mktemp("cluster"))
        try:
            cluster.start()
            for name in ("one", "two"):
                cluster.add(name)
            process = workspace.start(*words, "--epochs", "10", "--cluster", cluster.address)
            if not is_second:
                wait_for(lambda: any(epoch == 5 for *_, epoch in epochs_begun(workspace.folder)), process)
                cluster.end(cluster.processes[0])
                (workspace.folder / "pace").write_text("0")
            _, said = process.communicate(timeout=300)
        finally:
            cluster.end()
        assert process.returncode == (0 if is_second else 4), said
        if not is_second:
            assert "the scheduler" in said
            assert len(said.splitlines()) <= 3
    assert_sound(workspace, "lost", total=4)
    begun = [(name, epoch) for _, name, epoch in epochs_begun(workspace.folder)]
    assert begun.count((begun[0][0], 0)) == 1, "it went on from its checkpoint"


@pytest.fixture
def machines(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PacedSweep, PacedSweep]]:
    """Two workspaces with an MLflow server, and a database without a study of theirs."""
    with psycopg.connect(postgres.uri(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS sweeps CASCADE")
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    with paced_sweep(folders[0], server.uri) as one, paced_sweep(folders[1], server.uri) as other:
        yield one, other
    server.stop()


def epochs_of(machine: PacedSweep) -> list[int]:
    """The epochs that have begun there, from 0."""
    return [int(line) for line in (machine.folder / "epochs").read_text().splitlines()]


def test_another_machine_goes_on_where_a_dead_driver_was(
    machines: tuple[PacedSweep, PacedSweep], postgres: Postgres
) -> None:
    one, other = machines
    words = one.options(1, "--storage", postgres.uri(), epochs=20)
    one.pace(1.5)
    process = one.start(*words)
    one.wait_for(lambda: one.epochs_begun() >= 10, process)  # two copies, at 5 s and 10 s
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    shutil.rmtree(one.folder / "runs/studies")  # its disk is lost
    done = other.sweeps(*words)
    assert done.returncode == 0, done.stderr
    assert_sound(other, other.study, 1)
    assert epochs_of(other)[-1] == 19
    assert one.epochs_begun() - 6 <= epochs_of(other)[0] <= one.epochs_begun(), "at most nine seconds are lost"


def test_a_running_driver_takes_over_the_trial_of_a_dead_one(
    machines: tuple[PacedSweep, PacedSweep], postgres: Postgres
) -> None:
    one, other = machines
    words = one.options(2, "--storage", postgres.uri(), epochs=14)
    processes = []
    for machine in machines:
        machine.pace(1.2)
        processes.append(machine.start(*words))
    one.wait_for(lambda: one.epochs_begun() >= 10, processes[0])
    other.wait_for(lambda: other.epochs_begun() >= 2, processes[1])
    os.killpg(processes[0].pid, signal.SIGKILL)
    processes[0].communicate()
    other.pace(0)
    _, said = processes[1].communicate(timeout=300)
    assert processes[1].returncode == 0, said
    assert epochs_of(other).count(0) == 1, "of its own trial"
    assert epochs_of(other).count(13) == 2
    assert (
        other.json("status", other.study)["trials"] | {"FAIL": 1, "COMPLETE": 2}
        == other.json("status", other.study)["trials"]
    )
