"""The study's MLflow record, checked against its trials: one run for each, in its state; a model for each COMPLETE."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from optuna.trial import FrozenTrial

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.doctor.rebuild import expected_metrics, rebuild_sweep_run, rebuild_trial_run
from sweeps.study import kept_models
from sweeps.study.attributes import EPOCH, MODEL_URI, NO_MODEL, PARAMS, PARENT_RUN, RUN_ID
from tracking import close_run
from tracking.audit import (
    RunRow,
    correct_metric,
    discard_run,
    end_run,
    is_deleted,
    logged_models,
    restore_experiment,
    restore_run,
    sweep_runs,
    trial_runs,
)
from tracking.rebuilding import keeps_ids, model_folder, rebuild_model
from tracking.removal import remove_model
from tracking.spool import unsent_runs

PROCESS_DIED = "its process ended before the sweep did"


def check_experiment(context: StudyContext) -> Iterator[Finding]:
    """Find a deleted experiment, whose runs are deleted with it."""
    if is_deleted(context.store):
        where, restore = f"experiment {context.store.experiment_id}", partial(restore_experiment, context.store)
        yield Finding(where, "is deleted in MLflow", "restores it", restore)


def check_record(context: StudyContext) -> Iterator[Finding]:
    """Compare the finished trials with the runs and models of the experiment."""
    if is_deleted(context.store):
        return
    unsent = set(unsent_runs(context.store))  # `check_spool` is about these
    finished = [
        trial
        for trial in context.study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.user_attrs.get(RUN_ID) not in unsent
    ]
    rows = trial_runs(context.store)
    # counted after the runs were read: a run that was created in between has its trial
    count = len(context.study.get_trials(deepcopy=False))
    by_trial: dict[int, list[RunRow]] = defaultdict(list)
    for row in rows:
        if row.number is not None and row.number < count:
            by_trial[row.number].append(row)
        elif not row.deleted:
            what = f"belongs to trial {row.number}, which the study does not have"
            yield _surplus(context, f"run {row.run_id}", what, row.run_id, "the study has no such trial")
    for trial in finished:
        yield from _check_runs(context, trial, by_trial[trial.number])
    yield from _check_models(context, finished)
    if not context.alive:
        yield from _check_sweep_runs(context)


def _check_sweep_runs(context: StudyContext) -> Iterator[Finding]:
    """There is one parent run, and it has ended."""
    store, parent = context.store, context.study.user_attrs.get(PARENT_RUN)
    runs = sweep_runs(store)
    if parent and parent not in runs:
        where, what = f"run {parent}", "the sweep's run is not in MLflow"
        if keeps_ids(store):
            yield Finding(where, what, "creates it again from the study", partial(rebuild_sweep_run, context))
        else:
            forget = partial(context.study.set_user_attr, PARENT_RUN, None)
            yield Finding(where, what, "forgets it; the next resume creates another", forget)
    for run_id, status in runs.items():
        where = f"run {run_id}"
        if run_id != parent:
            if status != "DELETED":
                what = "a sweep's run that the study does not know"
                yield _surplus(context, where, what, run_id, "the study does not know this run")
        elif status == "DELETED":
            yield Finding(where, "the sweep's run is deleted", "restores it", partial(restore_run, store, run_id))
        elif status == "RUNNING":
            close = partial(close_run, store, run_id, "KILLED", "KILLED", PROCESS_DIED)
            yield Finding(where, "the sweep's run is RUNNING, but no sweep is", "closes it", close)


def _check_runs(context: StudyContext, trial: FrozenTrial, rows: list[RunRow]) -> Iterator[Finding]:
    """One run belongs to the trial and has its state and score; any other is surplus."""
    store, where, state = context.store, context.trial(trial.number), trial.state.name
    own = _run_of(trial, rows)
    if own is None:
        remedy = "creates one from the study, without the metrics that only MLflow had"
        yield Finding(where, "has no run in MLflow", remedy, partial(rebuild_trial_run, context, trial))
        return
    for row in rows:
        if row is not own and not row.deleted:
            what = f"run {row.run_id} is a duplicate"
            yield _surplus(context, where, what, row.run_id, f"a duplicate of run {own.run_id}")
    if own.deleted:
        yield Finding(where, f"its run {own.run_id} is deleted", "restores it", partial(restore_run, store, own.run_id))
    if not own.matches(state):
        what = f"{state}, but its run {own.run_id} is {own.status} (state {own.state})"
        yield Finding(where, what, f"closes the run as {state}", partial(end_run, store, own.run_id, state))
    for name, value in expected_metrics(context, trial).items():
        if own.metrics.get(name) != value:
            logged = own.metrics.get(name, "missing")
            what = f"{name} is {value} in the study, {logged} in its run {own.run_id}"
            correct = partial(correct_metric, store, own.run_id, name, value, trial.user_attrs.get(EPOCH, 0))
            yield Finding(where, what, "logs the study's value", correct)


def _run_of(trial: FrozenTrial, rows: list[RunRow]) -> RunRow | None:
    """The run that the study names for the trial; where it names none, the first that is not deleted."""
    named = [row for row in rows if row.run_id == trial.user_attrs.get(RUN_ID)]
    return next(iter(named or [row for row in rows if not row.deleted]), None)


def _surplus(context: StudyContext, where: str, what: str, run_id: str, reason: str) -> Finding:
    discard = partial(discard_run, context.store, run_id, reason)
    return Finding(where, what, "closes and deletes it (mlflow can restore it)", discard)


def _check_models(context: StudyContext, finished: list[FrozenTrial]) -> Iterator[Finding]:
    """Each COMPLETE trial has a logged model with its file, unless it was removed on purpose; then it has none."""
    models, removed = logged_models(context.store), kept_models.removed(context.study)
    by_run = {f"runs:/{model.run_id}/model": model for model in models.values()}
    for trial in finished:
        if trial.state.name != "COMPLETE" or trial.user_attrs.get(MODEL_URI) == NO_MODEL:
            continue
        where, uri = context.trial(trial.number), str(trial.user_attrs.get(MODEL_URI))
        model = models.get(uri) or by_run.get(uri)
        if trial.number in removed:
            if model is not None:
                remove = partial(remove_model, context.store, model.uri)
                yield Finding(where, f"its model {uri} is still there after its removal", "removes it", remove)
            continue
        if model is None and (folder := model_folder(context.store, uri)) is not None:
            params = trial.user_attrs.get(PARAMS, trial.params)
            rebuild = partial(rebuild_model, context.store, folder, trial.user_attrs[RUN_ID], params)
            yield Finding(where, f"its model {uri} is not in MLflow, but {folder} has it", "logs it again", rebuild)
            continue
        if model is None:
            problem = "is not in MLflow"
        elif not model.ready:
            problem = "was not uploaded completely"
        elif model.has_file is False:
            problem = "has lost its file"
        else:
            continue
        remedy = "it cannot be restored; enqueue its parameters in a new study"
        yield Finding(where, f"its model {uri} {problem}", remedy)
