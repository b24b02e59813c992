"""Workers wait for the next sweep of their process, and come to it as new ones would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support import Workspace

from sweeps.engine import standby
from sweeps.engine.cluster import slots
from sweeps.engine.tasks import warm_up
from sweeps.errors import InputError, Interrupted


@pytest.fixture(autouse=True)
def _none_waits() -> Iterator[None]:
    standby.close()
    yield
    standby.close()


def pids(jobs: int = 1, share: int | None = None, wanted: int = 1) -> set[int]:
    """The worker processes of a sweep, once there are as many as wanted."""
    with slots(jobs, share=share) as client:
        client.wait_for_workers(wanted, timeout=60)
        return set(client.run(os.getpid).values())


def gone(process: int, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not psutil.pid_exists(process)


def test_the_second_sweep_of_a_process_has_the_workers_of_the_first_and_as_many_more_as_it_needs() -> None:
    first = pids(1, share=2)
    second = pids(2, share=2, wanted=2)
    assert first < second
    assert len(second) == 2
    assert pids(1, share=2) == second


def test_workers_with_other_threads_are_other_processes_of_the_same_parent() -> None:
    (first,) = pids(1, share=1)
    parent = psutil.Process(first).ppid()
    (second,) = pids(1, share=2)
    assert first != second
    assert gone(first)
    assert psutil.Process(second).ppid() == parent


def test_a_worker_is_where_its_sweep_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def where() -> tuple[int, str, bool, str | None]:
        import sys

        return os.getpid(), str(Path.cwd()), "/a/place" in sys.path, os.environ.get("SWEEPS_HOME")

    def asked() -> tuple[int, str, bool, str | None]:
        with slots(1) as client:
            return client.run(where).popitem()[1]  # type: ignore[no-any-return]

    monkeypatch.delenv("SWEEPS_HOME", raising=False)
    pid, folder, has_place, home = asked()
    assert (folder, has_place, home) == (str(Path.cwd()), False, None)
    with monkeypatch.context() as there:
        there.chdir(tmp_path)
        there.syspath_prepend("/a/place")
        there.setenv("SWEEPS_HOME", "/somewhere")
        assert asked() == (pid, str(tmp_path), True, "/somewhere")
    assert asked() == (pid, folder, False, None)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # which a library reads when it is loaded
    assert asked()[0] != pid


def test_a_module_of_the_user_that_was_edited_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask() -> tuple[int, int, bool]:
        import edited  # type: ignore[import-not-found]
        from keras.src.saving import object_registration

        return os.getpid(), edited.ANSWER, "old>Layer" in object_registration.GLOBAL_CUSTOM_OBJECTS

    def answers(source: str) -> tuple[int, int, bool]:
        (tmp_path / "edited.py").write_text(source)
        with slots(1) as client:
            client.submit(warm_up, pure=False).result()  # as each task of a sweep does first
            return client.submit(ask, pure=False).result()  # type: ignore[no-any-return]

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the second source has the size and time of the first
    register = "import keras\nkeras.saving.register_keras_serializable('old')(type('Layer', (keras.Layer,), {}))\n"
    pid, *found = answers(f"{register}ANSWER = 1\n")
    assert found == [1, True]
    assert answers("ANSWER = 2\n") == (pid, 2, False)


def test_data_does_not_stay_in_the_memory_of_a_worker_that_waits() -> None:
    def held() -> tuple[int, int, int]:
        from sweeps.data import load
        from sweeps.training.resident import RESIDENT

        return os.getpid(), load.cache_info().currsize, len(RESIDENT._entries)

    def read() -> None:
        from sweeps.data import DataSource
        from sweeps.engine.tasks import have_data

        have_data(DataSource("digits"))

    with slots(1) as client:
        client.submit(read, pure=False).result()
        (pid, datasets, tensors) = client.submit(held, pure=False).result()
        assert datasets == 1
        assert tensors > 0
    with slots(1) as client:
        assert client.submit(held, pure=False).result() == (pid, 0, 0)


def test_a_worker_that_has_grown_by_half_a_gigabyte_is_not_used_again() -> None:
    def grow() -> None:
        import sys

        sys.kept = bytearray(os.urandom(1) * 600_000_000)  # type: ignore[attr-defined]

    with slots(1) as client:
        (pid,) = client.run(os.getpid).values()
        client.submit(warm_up, pure=False).result()
        client.submit(grow, pure=False).result()
    assert gone(pid)


@pytest.mark.parametrize(("error", "waits"), [(InputError("x"), True), (Interrupted("x"), False), (OSError(), False)])
def test_workers_wait_after_an_error_of_the_user_and_end_with_an_interruption(error: Exception, waits: bool) -> None:
    found: list[int] = []

    def end_with_it() -> None:
        with slots(1) as client:
            found.extend(client.run(os.getpid).values())
            raise error

    with pytest.raises(type(error)):
        end_with_it()
    (pid,) = found
    assert (standby._waiting is not None) == waits
    assert waits or gone(pid)


def test_a_worker_that_dies_while_it_waits_is_not_replaced_until_one_is_needed() -> None:
    (first,) = pids()
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    time.sleep(0.5)
    assert standby._waiting is not None
    assert not standby._waiting.rest(True)
    (second,) = pids()
    assert second != first


def test_workers_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standby, "IDLE", 0.3)
    (pid,) = pids()
    assert gone(pid)
    assert standby._waiting is None


#: a program that sweeps twice and says which processes it has
_PROGRAM = """
import os, sys, psutil, sweeps
import numpy as np

def build(hp):
    import keras
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 50)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model

def sweep(name, trials=1):
    x = np.random.default_rng(0).random((60, 4), "float32")
    y = (x.sum(1) > 2).astype(int)
    result = sweeps.run(build, (x, y), study=name, trials=trials, epochs=1, jobs=1, show=False, baselines=False)
    assert result.status.trials["COMPLETE"] == trials

def processes():
    return sorted(child.pid for child in psutil.Process().children(recursive=True))
"""


@pytest.fixture
def program(workspace: Workspace) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a program with these lines, which has `sweep` and `processes`."""
    started: list[subprocess.Popen[str]] = []

    def start(lines: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM + textwrap.dedent(lines)],
            cwd=workspace.folder,
            env=workspace.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_no_process_is_left_when_the_program_ends(
    killed: bool, program: Callable[[str], subprocess.Popen[str]]
) -> None:
    running = program(
        """
        sweep("first")
        before = processes()
        sweep("second", trials=2)
        assert processes() == before, (processes(), before)
        print(*before, flush=True)
        input()
        """
        if killed
        else """
        sweep("first")
        print(*processes(), flush=True)
        """
    )
    assert running.stdout is not None
    children = [int(pid) for pid in running.stdout.readline().split()]
    assert len(children) >= 3, running.communicate()  # a tracker of resources, the fork server, a worker
    if killed:
        running.kill()
    _, said = running.communicate(timeout=60)
    assert killed or (running.returncode, said) == (0, "")
    assert all(gone(pid) for pid in children)


@pytest.mark.slow
def test_a_forked_process_has_workers_of_its_own_and_leaves_those_of_its_parent(
    program: Callable[[str], subprocess.Popen[str]],
) -> None:
    running = program(
        """
        sweep("first")
        before = processes()
        child = os.fork()
        if not child:
            sweep("of-the-child")
            sys.exit()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        sweep("second")
        assert processes() == before, (processes(), before)
        """
    )
    _, said = running.communicate(timeout=200)
    assert (running.returncode, said) == (0, "")
