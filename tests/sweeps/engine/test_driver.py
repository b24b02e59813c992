"""The driver and a worker's trial, in one process: what is drawn, reported and decided goes through messages."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from sweeps.data import DataSource
from sweeps.engine.dispatcher import Ended, Task
from sweeps.engine.driver import Driver
from sweeps.engine.session import open_session
from sweeps.study.attributes import PARENT_RUN
from sweeps.study.budget import Budget
from sweeps.study.identity import Identity
from sweeps.study.study import Objective, StudyRef, create
from sweeps.system import paths
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.files import SentCheckpoints
from sweeps.trial.line import DriverLost
from sweeps.trial.messages import Messages
from sweeps.trial.plan import OutcomeState, TrialOutcome, TrialPlan
from sweeps.trial.proxies import RunProxy, TrialProxy
from sweeps.trial.task import Event, TrialEnd
from tracking import DataDescription, StoreUnavailable, begin_sweep, child_runs, open_store, run_writer
from tracking.store import NewRun


class Wire:
    """A connection that takes what a real one takes, and counts the questions."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.asked = driver, list[str]()

    def ask(self, number: int, events: Sequence[Event], question: str, *arguments: Any) -> Any:
        return self._send(number, events, question, arguments, b"")

    def send_file(self, number: int, question: str, *arguments: Any, attachment: bytes = b"") -> Any:
        return self._send(number, [], question, arguments, attachment)

    def _send(self, number: int, events: Sequence[Event], question: str, arguments: Any, attachment: bytes) -> Any:
        self.asked.append(question)
        head = json.dumps([number, events, question, arguments]).encode()
        answer = pickle.loads(self.driver.answer(head + b"\n" + attachment))
        if isinstance(answer, BaseException):
            raise answer
        return answer


def draw(trial: Any) -> dict[str, Any]:
    """As a space does, with an `if` of Python's own."""
    drawn = {
        "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
        "units": trial.suggest_int("units", 8, 256, log=True),
        "kind": trial.suggest_categorical("kind", ["relu", "selu", "swish"]),
        "fixed": trial.suggest_int("fixed", 3, 3),
    }
    if drawn["kind"] == "relu":
        drawn["slope"] = trial.suggest_float("slope", 0.0, 0.5, step=0.125)
    return drawn


def value_of(drawn: dict[str, Any]) -> float:
    return 1.0 - abs(drawn["rate"] - 0.01) - drawn["units"] / 1000 + drawn.get("slope", 0.0) / 10


def ref_of(name: str, sampler: str) -> StudyRef:
    return StudyRef(name, paths.journal(name), sampler, "median", 4, 5, {"startup": 4} if "tpe" in sampler else {})


@contextmanager
def driving(name: str, sampler: str, trials: int) -> Iterator[Driver]:
    ref = ref_of(name, sampler)
    study = create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 4, 5, ()))
    store = open_store(paths.tracking_uri(), name, paths.artifact_root(), paths.spool(name))
    parent = begin_sweep(store, None, {}, {}, DataDescription("digits", "0", "digits"))
    study.set_user_attr(PARENT_RUN, parent)
    study.enqueue_trial({"rate": 0.02, "units": 16, "kind": "relu", "slope": 0.25})
    objective, source = Objective("val_accuracy", "maximize"), DataSource("digits")
    plan = TrialPlan(ref, objective, "mlp", source, (), frozenset())
    with open_session(ref, store, Budget(trials), lambda: study, lambda _: None) as session:
        yield Driver(session, plan)
        session.finish_record()


def run(driver: Driver, wire: Wire, epochs: Callable[[TrialProxy, RunProxy, float], OutcomeState]) -> TrialProxy:
    task = driver.begin()
    assert task is not None
    messages = Messages(wire, task.number)
    trial, record = TrialProxy(task, messages), RunProxy(messages)
    drawn = draw(trial)
    trial.settle()
    record.log_params(drawn)
    state = epochs(trial, record, value_of(drawn))
    value = value_of(drawn) if state == OutcomeState.COMPLETE else None
    driver.end(TrialEnd(TrialOutcome(task.number, state, value), messages.events))
    return trial


def draws_asked(driver: Driver, trials: int) -> list[int]:
    """Run trials; how many values each had to ask for."""
    asked = []
    for _ in range(trials):
        wire = Wire(driver)
        run(driver, wire, train)
        asked.append(wire.asked.count("draw"))
    return asked


def train(trial: TrialProxy, record: RunProxy, value: float) -> OutcomeState:
    for epoch in range(1, 5):
        record.log_metrics({"val_accuracy": value * epoch / 4}, step=epoch)
        trial.report(value * epoch / 4, epoch)
        if trial.should_prune():
            return OutcomeState.PRUNED
    trial.set_user_attr("n", 7)
    return OutcomeState.COMPLETE


@pytest.mark.parametrize("sampler", ["random", "tpe", "tpe-multivariate", "qmc"])
def test_a_worker_draws_what_optuna_s_own_trial_draws_and_is_pruned_as_that_is(here: Path, sampler: str) -> None:
    with driving("far", sampler, 16) as driver:
        wire = Wire(driver)
        for _ in range(16):
            run(driver, wire, train)
        far = driver._session.study.get_trials()
    ref = ref_of("near", sampler)
    create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 4, 5, ()))
    study = ref.open()
    study.enqueue_trial({"rate": 0.02, "units": 16, "kind": "relu", "slope": 0.25})
    for number in range(16):
        study.sampler = ref.sampler_of(number)
        trial = study.ask()
        value = value_of(draw(trial))
        for epoch in range(1, 5):
            trial.report(value * epoch / 4, epoch)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)
    near = study.get_trials()
    assert [trial.params for trial in far] == [trial.params for trial in near]
    assert [(trial.state, trial.value) for trial in far] == [(trial.state, trial.value) for trial in near]
    assert {trial.state.name for trial in far} == {"COMPLETE", "PRUNED"}


def test_values_that_belong_together_are_asked_for_once_and_fixed_ones_not_at_all(here: Path) -> None:
    with driving("few", "tpe", 8) as driver:
        asked = draws_asked(driver, 8)
        assert driver.values_asked == sum(asked)
    assert asked[0] == 0, "the enqueued one"
    assert set(asked[1:4]) <= {3, 4}, "those that are drawn at random, one by one"
    assert all(count <= 2 for count in asked[5:]), "one for those of all trials, one for that of a condition"


def test_random_values_go_along_with_the_trial(here: Path) -> None:
    with driving("ahead", "random", 12) as driver:
        asked = draws_asked(driver, 12)
        kinds = [trial.params["kind"] for trial in driver._session.study.get_trials()]
    for number in range(2, 12):
        # what the trial before had as well is known; one value is asked for where only this one has the condition
        assert asked[number] == (kinds[number] == "relu" != kinds[number - 1]), kinds
    assert {"relu"} < {*kinds}


def test_while_another_sweep_has_its_turn_at_the_study_the_workers_that_train_are_answered(here: Path) -> None:
    with driving("turn", "random", 2) as driver, ThreadPoolExecutor(1) as pool:
        trains, draws = driver.begin(), driver.begin()
        assert trains is not None
        assert draws is not None
        messages = Messages(Wire(driver), draws.number)
        draw(trial := TrialProxy(draws, messages))
        with driver._session.claims.turn():
            settling = pool.submit(trial.settle)
            time.sleep(0.1)
            assert Wire(driver).ask(trains.number, [["report", 0.5, 1]], "should_prune") is False
            assert not settling.done()
        settling.result(5)
        driver.abandon()


def test_what_a_worker_tells_is_in_the_study_and_in_its_run(here: Path) -> None:
    with driving("told", "random", 2) as driver:
        run(driver, Wire(driver), train)
        (trial, *_) = driver._session.study.get_trials()
        store = driver._session.store
        driver._session.finish_record()
    assert trial.user_attrs["n"] == 7
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4]
    (found,) = child_runs(store)
    assert found.data.params["units"] == "16"
    assert (found.info.status, trial.user_attrs["run_id"]) == ("FINISHED", found.info.run_id)
    history = store.client.get_metric_history(found.info.run_id, "val_accuracy")
    assert [entry.step for entry in history] == [1, 2, 3, 4]


def test_a_worker_cannot_have_the_driver_call_what_it_likes(here: Path) -> None:
    with driving("safe", "random", 1) as driver:
        task = driver.begin()
        assert task is not None
        for event, question in ((["__class__"], "told"), (["close"], "told"), (["report", 1.0, 1], "_redraw")):
            with pytest.raises(ValueError, match="what no driver knows"):
                Wire(driver).ask(task.number, [event], question)
        driver.abandon()


def test_a_worker_whose_trial_was_given_up_can_write_nothing(here: Path) -> None:
    from sweeps.study.retries import LateResult

    with driving("gone", "random", 2) as driver:
        task = driver.begin()
        assert task is not None
        driver.died(task.number, "its worker was cut off")
        with pytest.raises(LateResult, match="given up before its result came"):
            Wire(driver).ask(task.number, [["report", 0.9, 1]], "should_prune")
        dead, again = driver._session.study.get_trials()
    assert (dead.state.name, dead.intermediate_values, again.state.name) == ("FAIL", {}, "WAITING")


def test_of_a_trial_that_is_interrupted_while_its_model_is_written_nothing_is_left(here: Path) -> None:
    with driving("cut", "random", 1) as driver:
        task = driver.begin()
        assert task is not None
        messages = Messages(Wire(driver), task.number)
        trial = TrialProxy(task, messages)
        trial.set_user_attr("params", draw(trial))
        trial.settle()
        place = messages.ask("kept", 0.9).model
        assert list(place.folder.iterdir())
        driver.abandon()
        assert not place.folder.exists()


def test_a_trial_whose_worker_lost_the_connection_is_tried_again(here: Path) -> None:
    with driving("lost", "random", 2) as driver:
        task = driver.begin()
        assert task is not None
        ended = Ended(Task(None, trial=task.number), error=DriverLost("no route to host"))
        outcome = driver.outcome_of(ended)
        states = [trial.state.name for trial in driver._session.study.get_trials()]
    assert (outcome.state, states) == (OutcomeState.KILLED, ["FAIL", "WAITING"])


def test_a_retry_of_a_trial_that_drew_nothing_is_checked_like_a_new_one(here: Path) -> None:
    with driving("anew", "random", 3) as driver:
        run(driver, Wire(driver), train)
        task = driver.begin()
        assert task is not None
        driver.died(task.number, "its worker was cut off")
        again = driver.begin()
        assert again is not None
        assert again.attributes["retry_of"] == task.number
        assert not driver._running[again.number].draft._stored
        driver.abandon()


def test_a_trial_that_another_process_has_failed_meanwhile_does_not_end_the_sweep(here: Path) -> None:
    with driving("other", "random", 2) as driver:
        task = driver.begin()
        assert task is not None
        study = driver._session.study
        study._storage.set_trial_state_values(study.get_trials()[0]._trial_id, optuna.trial.TrialState.FAIL)
        assert driver.died(task.number, "its worker was cut off").state == OutcomeState.NONE


def test_while_the_store_creates_one_run_the_other_trials_go_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    created, away = NewRun.create, [True]

    def create(new: NewRun) -> str:
        if away[0]:
            raise StoreUnavailable("it is away")
        return created(new)

    monkeypatch.setattr(run_writer, "REPEAT_INTERVAL", 0.05)
    with driving("slow", "random", 2) as driver:
        first = driver.begin()
        assert first is not None
        driver._session.writer.wait(5)
        monkeypatch.setattr(NewRun, "create", create)
        second = driver.begin()
        assert second is not None
        wire, ends = Wire(driver), {}
        for task in (first, second):
            messages = Messages(wire, task.number)
            draw(trial := TrialProxy(task, messages))
            trial.settle()
            end = TrialEnd(TrialOutcome(task.number, OutcomeState.COMPLETE, 0.5), messages.events)
            ends[task.number] = Ended(Task(None, trial=task.number), result=end)
        assert driver.is_ready(ends[first.number])
        assert not driver.is_ready(ends[second.number])
        assert driver.outcome_of(ends[first.number]).state == OutcomeState.COMPLETE
        away[0] = False
        while not driver.is_ready(ends[second.number]):
            time.sleep(0.01)
        assert driver.outcome_of(ends[second.number]).state == OutcomeState.COMPLETE


def test_a_trial_that_is_given_up_while_its_run_is_created_has_one_run(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = NewRun.create

    def create(new: NewRun) -> str:
        time.sleep(0.3)
        return created(new)

    monkeypatch.setattr(NewRun, "create", create)
    with driving("once", "random", 2) as driver:
        assert driver.begin() is not None
        driver.abandon()
        driver._session.reap()
        driver._session.finish_record()
        assert [trial.state.name for trial in driver._session.study.get_trials()] == ["FAIL"]
        (run,) = child_runs(driver._session.store)
    assert run.info.status == "FAILED"


def test_a_checkpoint_that_was_sent_is_the_one_that_was_saved(here: Path) -> None:
    checkpoint = {"epoch": 3, "weights": [np.arange(6.0).reshape(2, 3), np.float32(0.5)], "logs": ("loss", None)}
    with driving("sent", "random", 1) as driver:
        task = driver.begin()
        assert task is not None
        sent = SentCheckpoints(Messages(Wire(driver), task.number), "checkpoints")
        assert sent.load(task.first) is None
        sent.save(task.first, checkpoint)
        for found in (sent.load(task.first), Checkpoints(ref_of("sent", "random").checkpoints).load(task.first)):
            np.testing.assert_equal(found, checkpoint)
        driver.abandon()


def test_a_worker_gets_and_writes_the_files_of_its_own_trial_alone(here: Path) -> None:
    with driving("own", "random", 2) as driver:
        mine, other = driver.begin(), driver.begin()
        assert mine is not None
        assert other is not None
        SentCheckpoints(Messages(Wire(driver), other.number), "checkpoints").save(other.number, {"epoch": 1})
        sent = SentCheckpoints(Messages(Wire(driver), mine.number), "checkpoints")
        with pytest.raises(ValueError, match="trial 0 has no file of trial 1"):
            sent.load(other.number)
        with pytest.raises(ValueError, match="trial 0 has no file of trial 1"):
            sent.save(other.number, {"epoch": 9})
        driver.abandon()
