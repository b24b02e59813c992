"""What becomes of a task whose worker dies, hangs, or is told to end: real worker processes, without TensorFlow."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dask
import pytest
from distributed import Client

from sweeps.engine import dispatcher as dispatchers
from sweeps.engine.cluster import SLOTS, _cluster
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.standby import Settings
from sweeps.errors import InputError, Interrupted, TrialsFailed
from sweeps.system import signals, worker_process
from sweeps.trial.plan import TrialBegun


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """One worker process, started as those of a sweep are."""
    with (
        dask.config.set(SLOTS),
        signals.blocked(),
        _cluster(Settings("forkserver", 1, None)) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def dispatcher(client: Client) -> Iterator[Dispatcher]:
    made = Dispatcher(client)
    made.run(go_on)  # waits for the worker; if Dask does not start another for the one of the test before, this does
    yield made
    for topic in ("begun", "worker-restart-memory"):
        client.unsubscribe_topic(topic)


def leave(code: int) -> None:
    os._exit(code)


def go_on() -> None:
    worker_process._stop.clear()  # the next test has the same process


def kill_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse() -> None:
    raise InputError("the data is wrong")


def train(mark: Path, heeds: bool = True) -> str:
    """As a trial: says that it has begun, and ends when it is asked to."""
    from distributed import get_worker

    worker_process.send("begun", TrialBegun(str(get_worker().get_current_task())))
    mark.touch()
    while not (heeds and worker_process.stop_requested()):
        time.sleep(0.02)
    worker_process._stop.clear()  # the next test has the same process
    return "ended in order"


def wait_for(mark: Path, dispatcher: Dispatcher) -> None:
    while not mark.exists():
        assert dispatcher.ended() == []


def test_a_task_s_result_and_its_error_come_back(dispatcher: Dispatcher) -> None:
    assert dispatcher.result(dispatcher.submit(int, "3"), "the check") == 3
    with pytest.raises(InputError, match="the data is wrong"):
        dispatcher.result(dispatcher.submit(refuse), "the check")
    assert not dispatcher.running


@pytest.mark.parametrize(
    ("task", "said"),
    [((leave, 3), "left with exit code 3"), ((kill_itself,), "killed by signal 9, probably out of memory")],
)
def test_a_worker_s_death_is_told_and_the_next_task_has_a_worker(
    dispatcher: Dispatcher, task: tuple[object, ...], said: str
) -> None:
    with pytest.raises(TrialsFailed, match=f"the check did not end: its worker process .*{said}") as death:
        dispatcher.result(dispatcher.submit(*task), "the check")
    assert len(str(death.value).splitlines()) == 2
    assert said in str(dispatcher.run(*task).death)
    assert dispatcher.run(int, "3").result == 3


def test_a_worker_that_is_closed_for_not_coming_back_is_replaced(client: Client, dispatcher: Dispatcher) -> None:
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "0s"}):
        cluster = client.cluster
        cluster.sync(cluster.workers[0].close)
    assert dispatcher.run(int, "3").result == 3


def test_tasks_that_end_at_once_are_given_one_by_one_and_the_rest_by_stop(dispatcher: Dispatcher) -> None:
    tasks = [dispatcher.submit(int, text) for text in ("1", "2", "3")]
    while not all(task.future.done() for task in tasks):
        time.sleep(0.02)
    assert [ended.result for ended in dispatcher.ended()] == [1]
    assert [ended.result for ended in dispatcher.stop()] == [2, 3]
    dispatcher.run(go_on)


def test_while_a_slot_waits_for_its_worker_it_is_looked_at_sooner(dispatcher: Dispatcher, tmp_path: Path) -> None:
    dispatcher.submit(train, tmp_path / "begun")
    wait_for(tmp_path / "begun", dispatcher)
    waits = []
    for slots in (2, 1):  # of which one has a worker
        dispatcher.free(slots)
        began = time.monotonic()
        assert dispatcher.ended() == []
        waits.append(time.monotonic() - began)
    assert waits[0] < waits[1] / 2
    dispatcher.stop()


def test_a_task_that_takes_too_long_is_an_error_that_names_the_limit(dispatcher: Dispatcher, tmp_path: Path) -> None:
    task = dispatcher.submit(train, tmp_path / "begun")
    wait_for(tmp_path / "begun", dispatcher)
    with pytest.raises(InputError, match="the check took longer than --trial-timeout 1 s"):
        dispatcher.result(task, "the check", timeout=1.0)
    dispatcher.stop()


def test_a_task_ends_in_order_when_this_process_is_told_to_end(
    dispatcher: Dispatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "begun"

    def interrupted() -> None:
        if mark.exists():
            raise Interrupted("interrupted", signal.SIGINT)

    monkeypatch.setattr(signals, "raise_if_interrupted", interrupted)
    ended: list[object] = []
    with pytest.raises(Interrupted):
        dispatcher.run(train, mark, late=lambda one: ended.append(one.result))
    assert ended == ["ended in order"]
    assert not dispatcher.running


def test_a_trial_beyond_its_time_loses_its_worker_for_that_reason(dispatcher: Dispatcher, tmp_path: Path) -> None:
    dispatcher.submit(train, tmp_path / "begun", False, trial=7)
    ended: list[dispatchers.Ended] = []
    while not ended:
        ended = dispatcher.ended()
        dispatcher.end_overdue(0.5, "ran longer than --trial-timeout 0.5 s")
    assert (ended[0].task.trial, ended[0].death) == (7, "ran longer than --trial-timeout 0.5 s")


def test_a_task_that_does_not_end_in_time_is_killed(
    client: Client, dispatcher: Dispatcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatchers, "STOP_TIMEOUT", 0.5)
    dispatcher.submit(train, tmp_path / "begun", False, trial=7)
    wait_for(tmp_path / "begun", dispatcher)
    (process,) = client.run(lambda dask_worker: dask_worker.pid, nanny=True).values()
    assert dispatcher.stop() == []
    assert [task.trial for task in dispatcher.running.values()] == [7]
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        pytest.fail("the worker process is still there")
