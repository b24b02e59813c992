"""Clusters that a file describes: Dask's own classes, with a stand-in for Slurm's commands and a real SSH server."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributed import Scheduler, SpecCluster, Worker
from invariant import assert_sound
from servers import free_port
from support import ROOT, Workspace

from sweeps.config import load_config
from sweeps.engine import described_cluster
from sweeps.engine.described_cluster import Fleet, described
from sweeps.engine.sweep import check
from sweeps.errors import BackendUnreachable, InputError

# of Dask's classes whose arguments were wrong
pytestmark = pytest.mark.filterwarnings("ignore:unclosed cluster:ResourceWarning")

#: as Slurm's: runs the script in the background, and says its number
SBATCH = """#!/bin/sh
copy=$(mktemp "$JOBS/XXXXXX")
cp "$1" "$copy"
setsid sh "$copy" >"$copy.log" 2>&1 &
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -KILL -- "-$job" 2>/dev/null; done
exit 0
"""
SLURM = """
[slurm]
cores = 1
memory = "2GB"
walltime = "00:10:00"
{more}

[slurm.scheduler_options]
host = "127.0.0.1"
"""
OPTIONS = ("run", "mine", "--epochs", "2")
#: in a study's journal
CREATE_TRIAL = '"op_code":4,'


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def wait_for(happened: Callable[[], object], seconds: float = 20) -> None:
    """Until something is so."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpecCluster]:
    """A cluster in this process, without workers at first."""
    monkeypatch.setattr(described_cluster, "_INTERVAL", 0.05)
    scheduler = {"cls": Scheduler, "options": {"dashboard": False, "dashboard_address": ":0", "host": "127.0.0.1"}}
    worker = {"cls": Worker, "options": {"nthreads": 1, "dashboard": False, "host": "127.0.0.1"}}
    made = SpecCluster(workers={}, scheduler=scheduler, worker=worker)
    yield made
    with contextlib.suppress(AssertionError):  # Dask's, of workers that were refused
        made.close()


def names(cluster: SpecCluster) -> set[int]:
    """Of the workers that the scheduler knows."""
    return {worker.name for worker in cluster.scheduler.workers.values()}


def test_as_many_workers_are_there_as_trials_within_bounds(cluster: SpecCluster) -> None:
    fleet = Fleet(cluster, "x.toml", 1, 3)
    fleet.begin(2)
    wait_for(lambda: len(names(cluster)) == 2)
    wait_for(lambda: fleet.fit(9) or len(names(cluster)) == 3)
    busy = max(names(cluster))
    wait_for(lambda: fleet.fit(1, {name: name == busy for name in names(cluster)}) or names(cluster) == {busy})
    for _ in range(10):
        fleet.fit(0, {busy: False})
        time.sleep(0.05)
    assert names(cluster) == {busy}, "the least"
    fleet.close()


def test_a_worker_with_a_trial_is_never_closed(cluster: SpecCluster) -> None:
    fleet = Fleet(cluster, "x.toml", 0, 3)
    fleet.begin(3)
    wait_for(lambda: len(names(cluster)) == 3)
    for _ in range(10):
        fleet.fit(1, dict.fromkeys(names(cluster), True))
        time.sleep(0.05)
    assert len(names(cluster)) == 3
    fleet.close()


def test_workers_that_have_not_come_go_first_and_those_that_go_are_known_before(cluster: SpecCluster) -> None:
    fleet = Fleet(cluster, "x.toml", 0, 4)
    fleet.begin(4)
    wait_for(lambda: len(names(cluster)) == 4)
    one, two, three, four = sorted(names(cluster))
    fleet.fit(2, {one: False, two: True, three: False})
    assert fleet.leaving == {four, one}
    wait_for(lambda: fleet.fit(2, {two: True, three: False}) or names(cluster) == {two, three})
    fleet.close()


def test_of_workers_that_are_refused_the_others_work(cluster: SpecCluster, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []

    class Some(Worker):
        async def start(self) -> None:
            made.append("one")
            if len(made) > 2:
                raise RuntimeError("QOSMaxJobsPerUserLimit")
            await super().start()

    cluster.new_spec["cls"] = Some
    fleet = Fleet(cluster, "x.toml", 1, 4)
    fleet.begin(4)
    assert len(names(cluster)) == 2
    wait_for(lambda: fleet.fit(4, dict.fromkeys(names(cluster), True)) or "QOSMax" in capsys.readouterr().err)
    fleet.close()


def test_a_lost_worker_is_started_again(cluster: SpecCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(cluster, "x.toml", 2, 2)
    fleet.begin(2)
    wait_for(lambda: len(names(cluster)) == 2)
    lost = next(iter(cluster.workers.values()))
    cluster.sync(lost.close)
    wait_for(lambda: fleet.fit(2) or (len(names(cluster)) == 2 and lost not in cluster.workers.values()), 60)
    fleet.close()


@pytest.mark.parametrize(
    ("text", "workers", "error", "said"),
    [
        ("[slurm", (1, 1), InputError, "is not TOML"),
        ("cores = 1", (1, 1), InputError, "needs one table: [slurm], [kubernetes], [ssh]"),
        ("[slurm]\n[ssh]", (1, 1), InputError, "needs one table"),
        ("[slrm]\ncores = 1", (1, 1), InputError, "Did you mean 'slurm'?"),
        ("[slurm]\ncores = 1", None, InputError, "--workers: is needed, as 8 or 4..64"),
        ('[ssh]\nhosts = ["a", "b"]', (1, 1), InputError, "--workers: its hosts say how many there are"),
        ("[slurm]\ncores = 1", (1, 1), InputError, "SLURMCluster: "),
        ('[slurm]\ncores = 1\nmemory = "2GB"\nqeue = "x"', (1, 1), InputError, "qeue"),
        ('[slurm]\ncores = 4\nmemory = "2GB"\nprocesses = 4', (1, 1), InputError, "a job is one worker"),
        ('[slurm]\nscheduler_options = "x"', (1, 1), InputError, "scheduler_options must be a table, got 'x'"),
        ("[ssh]\nworker_options = 1", None, InputError, "worker_options must be a table, got 1"),
        ("[ssh]\nhosts = []", None, InputError, "SSHCluster: `hosts` must be a non empty list"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    workers: tuple[int, int] | None,
    error: type[Exception],
    said: str,
) -> None:
    pytest.importorskip("dask_jobqueue")
    commands(tmp_path, monkeypatch)
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    with pytest.raises(error) as found, described(str(file), workers, 1):
        pass
    assert said in str(found.value)
    assert len(str(found.value).splitlines()) <= 2


def test_what_is_wrong_with_a_file_is_said_before_data_is_read(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text("[slurm]\ncores = 1")
    config = load_config({"cluster": str(file), "dataset": str(tmp_path / "large.csv"), "target": "y"})
    with pytest.raises(InputError, match="--workers: is needed"):
        check(config)


def test_a_machine_without_slurm_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM.format(more=""))
    with pytest.raises(BackendUnreachable, match="the command sbatch is not on this machine"):
        described(str(file), (1, 1), 1).__enter__()


def test_a_job_that_slurm_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dask_jobqueue")
    commands(tmp_path, monkeypatch, "#!/bin/sh\necho 'sbatch: error: invalid partition specified: gpu' >&2\nexit 1\n")
    file = tmp_path / "cluster.toml"
    file.write_text(SLURM.format(more='queue = "gpu"'))
    with pytest.raises(BackendUnreachable) as found, described(str(file), (1, 1), 1):
        pass
    assert "invalid partition specified: gpu" in str(found.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"workers": "4..64"}, "for the workers of a --cluster"),
        ({"cluster": "tcp://a:8786", "workers": "4"}, "the workers of a scheduler are there"),
        ({"cluster": "a.toml", "workers": "8..4"}, "as 4..64"),
        ({"cluster": "a.toml", "workers": "many"}, "as 4..64"),
        ({"cluster": "a.toml", "workers": True}, "as 4..64"),
        ({"cluster": "slurm"}, "or a .toml file"),
        ({"resources": ("GPU=1",)}, "for the workers of a --cluster"),
        ({"cluster": "tcp://a:8786", "resources": ("GPU",)}, "NAME=NUMBER"),
        ({"cluster": "tcp://a:8786", "resources": ("GPU=0",)}, "greater than 0"),
    ],
)
def test_options_that_do_not_go_together_are_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as found:
        load_config(options)
    assert said in str(found.value)


@pytest.mark.parametrize(
    ("given", "read"), [("8", (8, 8)), (8, (8, 8)), ("4..64", (4, 64)), ((0, 3), (0, 3)), ("0..2", (0, 2))]
)
def test_a_number_of_workers_is_one_or_two(given: object, read: tuple[int, int]) -> None:
    assert load_config({"cluster": "a.toml", "workers": given}).workers == read


def commands(folder: Path, monkeypatch: pytest.MonkeyPatch, sbatch: str = SBATCH) -> Path:
    """Slurm's commands on the path; the folder of the jobs."""
    jobs = folder / "jobs"
    for directory in (jobs, folder / "bin"):
        directory.mkdir()
    for name, text in (("sbatch", sbatch), ("scancel", SCANCEL)):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JOBS", str(jobs))
    return jobs


def processes(marked: str) -> list[int]:
    """Whose command line has this in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if marked in words and "dask_worker" in words:
            found.append(int(process.name))
    return found


@pytest.mark.slow
def test_a_sweep_on_slurm_starts_its_workers_and_ends_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dask_jobqueue")
    jobs = commands(tmp_path, monkeypatch)
    name = f"job-{tmp_path.name}"
    file = workspace.folder / "slurm.toml"
    file.write_text(SLURM.format(more=f'security = true\nshared_temp_directory = "{tmp_path}"\nname = "{name}"'))
    options = (*OPTIONS, "--cluster", "slurm.toml", "--workers", "1..2")
    done = workspace.sweeps(*options, "--trials", "4")
    assert done.returncode == 0, done.stderr + "".join(log.read_text() for log in jobs.glob("*.log"))
    assert "on the workers of slurm.toml" in done.stdout
    scripts = [job.read_text() for job in jobs.iterdir() if job.suffix != ".log"]
    assert len(scripts) >= 2
    assert all("tls://" in script and "-t 00:10:00" in script for script in scripts)
    assert_sound(workspace, "mine", total=4)
    process = workspace.start(*options, "--trials", "40")
    journal = workspace.folder / "runs/studies/mine/journal.log"
    begun = journal.read_text().count(CREATE_TRIAL)
    wait_for(lambda: journal.read_text().count(CREATE_TRIAL) > begun, 120)
    assert processes(str(tmp_path))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    wait_for(lambda: not processes(str(tmp_path)), 30)
    assert_sound(workspace, "mine")


@pytest.mark.slow
def test_a_sweep_over_ssh_starts_its_workers_and_ends_them(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("asyncssh")
    with_server = shutil.which("sshd") or "/usr/sbin/sshd"
    if not Path(with_server).is_file():
        pytest.skip("there is no sshd")
    port = free_port()
    for key in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / key], check=True, capture_output=True
        )
    (tmp_path / "authorized").write_text((tmp_path / "user.pub").read_text())
    public = (tmp_path / "host.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {public}")
    Path("/run/sshd").mkdir(exist_ok=True)
    server = subprocess.Popen(
        [
            *(with_server, "-D", "-e", "-p", str(port), "-h", str(tmp_path / "host")),
            *("-o", f"AuthorizedKeysFile={tmp_path / 'authorized'}", "-o", "ListenAddress=127.0.0.1"),
            *("-o", "StrictModes=no", "-o", f"SetEnv=PYTHONPATH={ROOT}", "-o", "PidFile=none", "-o", "UsePAM=no"),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        (workspace.folder / "ssh.toml").write_text(
            f"""
[ssh]
hosts = ["127.0.0.1", "127.0.0.1", "127.0.0.1"]
remote_python = {json.dumps(sys.executable)}

[ssh.connect_options]
port = {port}
client_keys = ["{tmp_path / "user"}"]
known_hosts = "{tmp_path / "known"}"
"""
        )
        done = workspace.sweeps(*OPTIONS, "--cluster", "ssh.toml", "--trials", "3")
    finally:
        server.terminate()
        _, logged = server.communicate()
    assert done.returncode == 0, done.stderr + logged
    assert_sound(workspace, "mine", total=3)
