"""A result that comes when its trial was given up already, in the last moment in which it can: when the study is
told."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.data import DataSource
from sweeps.study.attributes import ERROR, PARENT_RUN, RUN_ID
from sweeps.study.identity import Identity
from sweeps.study.retries import LateResult
from sweeps.study.study import Objective, StudyRef, create
from sweeps.system import paths
from sweeps.trial import run as trials
from sweeps.trial.plan import OutcomeState, TrialOutcome, TrialPlan
from sweeps.trial.reaper import give_up
from tracking import DataDescription, TrialRun, begin_sweep, open_store


@pytest.mark.parametrize("state", ["COMPLETE", "PRUNED", "FAIL"])
def test_what_is_told_of_a_trial_that_was_given_up_is_refused_and_closes_its_run_as_failed(
    here: Path, state: str
) -> None:
    ref = StudyRef("late", paths.journal("late"), "random", "none")
    study = create(ref, Identity("mlp", "digits", "0", "val_accuracy", "maximize", 1, 0, ()))
    store = open_store(paths.tracking_uri(), "late", paths.artifact_root())
    parent = begin_sweep(store, None, {}, {}, DataDescription("digits", "0", "digits"))
    study.set_user_attr(PARENT_RUN, parent)
    trial = study.ask()
    with TrialRun(store, parent, trial.number, {}) as run:
        trial.set_user_attr(RUN_ID, run.run_id)
        (running,) = study.get_trials()
        give_up(study, store, running, "its host was cut off", None)
        run.state = state
    plan = TrialPlan(
        ref, Objective("val_accuracy", "maximize"), "mlp", DataSource("digits"), (), frozenset(), store, parent
    )
    outcome = TrialOutcome(trial.number, OutcomeState(state), 0.9 if state == "COMPLETE" else None)
    with pytest.raises(LateResult, match="trial 0 was given up, its result came too late: "):
        trials._conclude(study, trial, plan, outcome)
    (told,) = study.get_trials()
    assert (told.state.name, told.value, told.user_attrs[ERROR]) == ("FAIL", None, "its host was cut off")
    record = store.client.get_run(run.run_id)
    assert (record.info.status, record.data.tags["state"]) == ("FAILED", "FAIL")
    assert record.data.tags["error"] == trials.GIVEN_UP
