"""MLflow runs rebuilt from what the study remembers."""

from __future__ import annotations

import math

from optuna.trial import FrozenTrial

from sweeps.doctor.finding import StudyContext
from sweeps.report import sweep_page
from sweeps.study.attributes import CONFIG, EPOCH, ERROR, IDENTITY, N_PARAMS, OUTCOME, PARAMS, PARENT_RUN, RUN_ID
from sweeps.study.rounds import round_begun, rounds_of
from sweeps.study.study import objective_of
from sweeps.study.trial_name import trial_name
from tracking import log_results
from tracking.rebuilding import LostRun, rebuild_run


def expected_metrics(context: StudyContext, trial: FrozenTrial) -> dict[str, float]:
    """The metrics that the run of a COMPLETE trial must have, by name; none where its value is not finite."""
    if trial.state.name != "COMPLETE" or trial.value is None or not math.isfinite(trial.value):
        return {}
    return {f"best_{objective_of(context.study).metric}": trial.value}


def rebuild_trial_run(context: StudyContext, trial: FrozenTrial) -> None:
    """Create a trial's run from its state, its parameters and the objective's value at each epoch."""
    attributes, metric = trial.user_attrs, objective_of(context.study).metric
    rounds, most = len(rounds_of(context.study)), context.study.user_attrs[IDENTITY]["epochs"]
    begun = round_begun(trial.last_step, most) if rounds > 1 else 0  # a trial that is trained on has more epochs
    reports = ((step - begun, value) for step, value in trial.intermediate_values.items())
    values = [(metric, value, epoch) for epoch, value in reports if epoch > 0 and math.isfinite(value)]
    values += [(name, value, attributes.get(EPOCH, 0)) for name, value in expected_metrics(context, trial).items()]
    told = {"error": str(attributes.get(ERROR, ""))[:500], "best_epoch": attributes.get(EPOCH)}
    told |= {"n_params": attributes.get(N_PARAMS)}
    lost = LostRun.of_trial(
        context.store.kind,
        trial.number,
        trial.state.name,
        tags={name: str(value) for name, value in told.items() if value not in (None, "")},
        name=trial_name(trial),
        run_id=attributes.get(RUN_ID),
        parent=context.study.user_attrs.get(PARENT_RUN),
        params=attributes.get(PARAMS, trial.params),
        metrics=values,
        started=trial.datetime_start,
        ended=trial.datetime_complete,
    )
    rebuild_run(context.store, lost)


def rebuild_sweep_run(context: StudyContext) -> None:
    """Create the sweep's parent run from its configuration, outcome and trials."""
    study, store = context.study, context.store
    outcome = str(study.user_attrs.get(OUTCOME) or "KILLED")
    trials = study.get_trials(deepcopy=False)
    times = [time for trial in trials for time in (trial.datetime_start, trial.datetime_complete) if time]
    lost = LostRun(
        run_id=study.user_attrs[PARENT_RUN],
        name=store.parent_kind,
        parent=None,
        tags={"kind": store.parent_kind, "state": outcome},
        params={name: value for name, value in study.user_attrs.get(CONFIG, {}).items() if value is not None},
        metrics=[],
        status=outcome,
        started=min(times, default=None),
        ended=max(times, default=None),
    )
    run_id = rebuild_run(store, lost)
    if store.kind == "trial":
        log_results(store, run_id, sweep_page.results_of(study, store, run_id))
        sweep_page.show(study, store)
