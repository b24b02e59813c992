"""What the record has lost, made again from what the study remembers."""

from __future__ import annotations

import math
from pathlib import Path

from optuna.trial import FrozenTrial

from sweeps.doctor.finding import StudyContext
from sweeps.study.attributes import CONFIG, EPOCH, ERROR, OUTCOME, PARAMS, PARENT_RUN, RUN_ID
from sweeps.study.study import objective_of
from tracking.rebuilding import LostRun, rebuild_model, rebuild_run


def scores(context: StudyContext, trial: FrozenTrial) -> dict[str, float]:
    """What the run of a COMPLETE trial must hold of its value, if that is a number."""
    if trial.state.name != "COMPLETE" or trial.value is None or not math.isfinite(trial.value):
        return {}
    return {f"best_{objective_of(context.study).metric}": trial.value}


def again_of_trial(context: StudyContext, trial: FrozenTrial) -> None:
    """A run of a trial: its state, parameters, and the objective at each epoch."""
    attributes, metric = trial.user_attrs, objective_of(context.study).metric
    values = [(metric, value, step) for step, value in trial.intermediate_values.items() if math.isfinite(value)]
    values += [(name, value, attributes.get(EPOCH, 0)) for name, value in scores(context, trial).items()]
    lost = LostRun.of_trial(
        trial.number,
        trial.state.name,
        tags={"error": attributes[ERROR][:500]} if ERROR in attributes else {},
        run_id=attributes.get(RUN_ID),
        parent=context.study.user_attrs.get(PARENT_RUN),
        params=attributes.get(PARAMS, trial.params),
        metrics=values,
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )
    rebuild_run(context.store, lost)


def again_of_sweep(context: StudyContext) -> None:
    """The sweep's own run: its configuration, and how it ended."""
    study = context.study
    outcome = str(study.user_attrs.get(OUTCOME) or "KILLED")
    params = {name: value for name, value in study.user_attrs.get(CONFIG, {}).items() if value is not None}
    trials = study.get_trials(deepcopy=False)
    times = [time for trial in trials for time in (trial.datetime_start, trial.datetime_complete) if time]
    lost = LostRun(
        run_id=study.user_attrs[PARENT_RUN],
        name="sweep",
        parent=None,
        tags={"kind": "sweep", "state": outcome},
        params=params,
        metrics=[],
        status=outcome,
        started=min(times, default=None),
        ended=max(times, default=None),
    )
    rebuild_run(context.store, lost)


def again_of_model(context: StudyContext, trial: FrozenTrial, folder: Path) -> None:
    """The logged model of a trial, from its files."""
    rebuild_model(context.store, folder, trial.user_attrs[RUN_ID], trial.user_attrs.get(PARAMS, trial.params))
