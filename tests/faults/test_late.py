"""A result that comes when its trial was given up already, in the last moment in which it can: when the study is
told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.data import DataSource
from sweeps.engine.driver import GIVEN_UP, Driver
from sweeps.engine.session import open_session
from sweeps.study.attributes import ERROR, PARENT_RUN
from sweeps.study.budget import Budget
from sweeps.study.identity import Identity
from sweeps.study.study import Objective, StudyRef, create
from sweeps.system import paths
from sweeps.trial.plan import OutcomeState, TrialOutcome, TrialPlan
from sweeps.trial.reaper import reap
from sweeps.trial.task import TrialEnd
from tracking import DataDescription, begin_sweep, open_store


@pytest.mark.parametrize("state", ["COMPLETE", "PRUNED", "FAIL"])
def test_what_is_told_of_a_trial_that_was_given_up_is_refused_and_closes_its_run_as_failed(
    here: Path, state: str
) -> None:
    ref = StudyRef("late", paths.journal("late"), "random", "none")
    study = create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ()))
    store = open_store(paths.tracking_uri(), "late", paths.artifact_root(), paths.spool("late"))
    parent = begin_sweep(store, None, {}, {}, DataDescription("digits", "0", "digits"))
    study.set_user_attr(PARENT_RUN, parent)
    plan = TrialPlan(ref, Objective("val_accuracy", "maximize"), "mlp", DataSource("digits"), (), frozenset())
    with open_session(ref, store, Budget(1), lambda: study, lambda _: None) as session:
        driver = Driver(session, plan)
        task = driver.begin()
        assert task is not None
        session.writer.wait(10)
        assert reap(study, store, error="its host was cut off") == [task.number]
        value = 0.9 if state == "COMPLETE" else None
        outcome = driver.end(
            TrialEnd(TrialOutcome(task.number, OutcomeState(state), value), [["log_params", {"a": 1}]])
        )
        session.finish_record()
    assert outcome.state == OutcomeState.NONE
    (told,) = study.get_trials()
    assert (told.state.name, told.value, told.user_attrs[ERROR]) == ("FAIL", None, "its host was cut off")
    (record,) = store.client.search_runs([store.experiment_id], f"tags.trial = '{task.number}'")
    assert (record.info.status, record.data.tags["state"]) == ("FAILED", "FAIL")
    assert record.data.tags["error"] == GIVEN_UP
