"""What tests share: a workspace of their own, the command line, and one finished sweep."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from servers import Postgres, running_postgres
from support import SharedWorker, Workspace

#: read when TensorFlow and MLflow are imported, in this process and those it starts
os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "MLFLOW_DISABLE_TELEMETRY": "true"}
#: one process less for each sweep; what they are for has tests of its own
os.environ["SWEEPS_BASELINES"] = "0"
#: two seconds less for each sweep
os.environ["SWEEPS_REPORT"] = "0"
#: `make test` sets what changes a message; a sweep that a test starts is started by hand
os.environ.pop("SWEEPS_FROM_MAKE", None)
#: fixtures of tests that start processes
PROCESSES = frozenset({"finished", "one_worker", "paced", "worker", "workspace"})
#: folders of tests that train many models
TRAINING = frozenset({"search_spaces", "training", "trial"})


def pytest_configure() -> None:
    """`nohup` and a shell's background jobs begin with these ignored, and what tests start would inherit that."""
    for signum, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(signum) is signal.SIG_IGN:
            signal.signal(signum, handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing becomes garbage while all modules are imported."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests start processes come first, then those that train models: of two that run side by side, none
    begins a long one at the end."""
    heavy = Counter(item.path for item in items if PROCESSES.intersection(getattr(item, "fixturenames", ())))
    items.sort(key=lambda item: (-heavy[item.path], item.path.parent.name not in TRAINING))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Slow tests that would begin after `SWEEPS_SLOW_TESTS_END` (of `.ci/run`) are skipped; the summary lists them."""
    end = float(os.environ.get("SWEEPS_SLOW_TESTS_END", "inf"))
    if item.get_closest_marker("slow") and time.time() > end:
        pytest.skip("no time left: SWEEPS_SLOW_TESTS_END is over")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures of the README, from whichever process had them."""
    found = [one for report in terminalreporter.stats.get("passed", ()) for one in report.user_properties]
    if refused := sum(name == "refused" for name, _ in found):
        terminalreporter.write_line(f"hostile inputs refused: {refused}")
    for said in [value for name, value in found if name == "storm"]:
        terminalreporter.write_line(f"storm: {said}")


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> None:
    """What is imported is out of the garbage collector's sight, as in a worker: `clear_session` of each pre-flight and
    trial collects, which takes 0.5 s over all modules and 5 ms without them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _lent_clean_processes() -> Iterator[None]:
    """The processes in which exports of this process are compared outlive them: each imports TensorFlow once."""
    from exports import lent_clean_processes

    with lent_clean_processes():
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty one."""
    return Workspace(tmp_path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the module's own; without its programs the tests are skipped."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace in which `sweeps run` has run six trials on digits; tests read it and leave it as it is."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return finish(place / "finished")
    with (place.parent / "finished.lock").open("w") as lock:  # the first process sweeps for all
        fcntl.flock(lock, fcntl.LOCK_EX)
        return finish(place.parent / "finished").copied(place / "finished")


def finish(folder: Path) -> Workspace:
    """That sweep in that folder, if it is not there."""
    made, output = Workspace(folder), folder / "output.txt"
    if not output.exists():
        folder.mkdir(exist_ok=True)
        done = made.sweeps("run", "--trials", "6", "--epochs", "4", "--pruner", "median", "--jobs", "1", "--baselines")
        assert done.returncode == 0, done.stderr
        output.write_text(done.stdout)
    return made


@pytest.fixture(scope="session")
def worker() -> Iterator[SharedWorker]:
    """One worker process for all sweeps that tests run in this process; it imports TensorFlow once."""
    from sweeps.engine.cluster import slots

    with slots(1) as client:
        yield SharedWorker(client)


@pytest.fixture
def one_worker(worker: SharedWorker) -> Iterator[None]:
    """`sweeps.run`, a tuner's `search` and the command line in this process use the worker that is there."""
    with worker.lent():
        yield


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command line in this process, which is to fail with exit code 2; gives what it said."""

    def run(*arguments: str, code: int = 2) -> str:
        from sweeps.cli.main import main

        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = capsys.readouterr()
        assert end.value.code == code, captured.err
        said = captured.err.strip()
        assert 1 <= len(said.splitlines()) <= 3
        assert "Traceback" not in said
        return said

    return run
