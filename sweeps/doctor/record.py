"""The record against the study: one run a trial, in the state of the trial; a model for each COMPLETE one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from optuna.trial import FrozenTrial

from sweeps.doctor.finding import Finding, StudyContext
from sweeps.doctor.lost import again_of_model, again_of_sweep, again_of_trial, scores
from sweeps.study.attributes import EPOCH, MODEL_URI, PARENT_RUN, RUN_ID
from tracking import close_run
from tracking.audit import (
    RunRow,
    correct_metric,
    discard_run,
    is_deleted,
    logged_models,
    restore_experiment,
    restore_run,
    settle_run,
    sweep_runs,
    trial_runs,
)
from tracking.rebuilding import keeps_ids, model_folder
from tracking.spool import waiting

GONE = "its process ended before the sweep did"


def check_record(context: StudyContext) -> Iterator[Finding]:
    """Compare the trials that have ended with the runs of the experiment."""
    if is_deleted(context.store):
        return
    # what is still in the spool is not in the record yet, and another check's
    underway = set(waiting(context.store))
    ended = [
        trial
        for trial in context.study.get_trials(deepcopy=False)
        if trial.state.is_finished() and trial.user_attrs.get(RUN_ID) not in underway
    ]
    rows = trial_runs(context.store)
    # read again: a run that was begun since the first reading has its trial
    trials = context.study.get_trials(deepcopy=False)
    by_trial: dict[int, list[RunRow]] = defaultdict(list)
    for row in rows:
        if row.number is not None and row.number < len(trials):
            by_trial[row.number].append(row)
        elif not row.deleted:
            yield _orphan(context, row)
    for trial in ended:
        yield from _check_runs(context, trial, by_trial[trial.number])
    yield from _check_models(context, ended)
    if not context.alive:
        yield from _check_sweeps(context)


def check_experiment(context: StudyContext) -> Iterator[Finding]:
    """Whether it was deleted; all of its runs are, then, too."""
    if is_deleted(context.store):
        yield Finding(
            f"experiment {context.store.experiment_id}",
            "is deleted in MLflow",
            "restores it",
            partial(restore_experiment, context.store),
        )


def _check_sweeps(context: StudyContext) -> Iterator[Finding]:
    """One run is the sweep's own, and has ended."""
    store, parent = context.store, context.study.user_attrs.get(PARENT_RUN)
    runs = sweep_runs(store)
    if parent and parent not in runs:
        where, what = f"run {parent}", "the sweep's own is not in MLflow"
        if keeps_ids(store):
            yield Finding(where, what, "makes it again from the study", partial(again_of_sweep, context))
        else:
            forget = partial(context.study.set_user_attr, PARENT_RUN, None)
            yield Finding(where, what, "forgets it; the next resume makes another", forget)
    for run_id, status in runs.items():
        if status == "DELETED":
            if run_id == parent:
                what = "the sweep's own is deleted"
                yield Finding(f"run {parent}", what, "restores it", partial(restore_run, store, parent))
        elif run_id != parent:
            yield Finding(
                f"run {run_id}",
                "a sweep's own that the study does not know",
                "closes and deletes it (mlflow can restore it)",
                partial(discard_run, store, run_id, "the study does not know this run"),
            )
        elif status == "RUNNING":
            yield Finding(
                f"run {parent}",
                "the sweep's own is RUNNING, though no sweep is",
                "closes it",
                partial(close_run, store, parent, "KILLED", "KILLED", GONE),
            )


def _orphan(context: StudyContext, row: RunRow) -> Finding:
    return Finding(
        f"run {row.run_id}",
        f"of trial {row.number}, which the study does not have",
        "closes and deletes it (mlflow can restore it)",
        partial(discard_run, context.store, row.run_id, "the study has no such trial"),
    )


def _check_runs(context: StudyContext, trial: FrozenTrial, rows: list[RunRow]) -> Iterator[Finding]:
    """One run is the trial's, in the trial's state; all others are one too many."""
    store, where, state = context.store, f"trial {trial.number}", trial.state.name
    own = _own(trial, rows)
    if own is None:
        remedy = "makes one from the study, without the metrics that only MLflow held"
        yield Finding(where, "has no run in MLflow", remedy, partial(again_of_trial, context, trial))
        return
    for row in rows:
        if row is not own and not row.deleted:
            yield Finding(
                where,
                f"run {row.run_id} is a second one of this trial",
                "closes and deletes it (mlflow can restore it)",
                partial(discard_run, store, row.run_id, f"a duplicate of run {own.run_id}"),
            )
    if own.deleted:
        yield Finding(where, f"its run {own.run_id} is deleted", "restores it", partial(restore_run, store, own.run_id))
    if not own.fits(state):
        yield Finding(
            where,
            f"{state}, its run {own.run_id} is {own.status} (state {own.state})",
            f"closes the run as {state}",
            partial(settle_run, store, own.run_id, state),
        )
    for name, value in scores(context, trial).items():
        if own.metrics.get(name) != value:
            yield Finding(
                where,
                f"{name} is {value} in the study, {own.metrics.get(name, 'missing')} in its run {own.run_id}",
                "logs the study's value",
                partial(correct_metric, store, own.run_id, name, value, trial.user_attrs.get(EPOCH, 0)),
            )


def _own(trial: FrozenTrial, rows: list[RunRow]) -> RunRow | None:
    """The run that the study names; of a trial that never came to name one, the first that is not deleted."""
    named = [row for row in rows if row.run_id == trial.user_attrs.get(RUN_ID)]
    return next((row for row in (*named, *rows) if row in named or not row.deleted), None)


def _check_models(context: StudyContext, ended: list[FrozenTrial]) -> Iterator[Finding]:
    models = logged_models(context.store)
    by_run = {f"runs:/{model.run_id}/model": model for model in models.values()}
    for trial in ended:
        if trial.state.name != "COMPLETE":
            continue
        uri = str(trial.user_attrs.get(MODEL_URI))
        found = models.get(uri) or by_run.get(uri)
        if found is None and (folder := model_folder(context.store, uri)) is not None:
            yield Finding(
                f"trial {trial.number}",
                f"its model {uri} is not in MLflow, though {folder} holds it",
                "enters it again as it is there",
                partial(again_of_model, context, trial, folder),
            )
            continue
        if found is None:
            gone = "is not in MLflow"
        elif not found.ready:
            gone = "was never uploaded whole"
        elif found.there is False:
            gone = "has lost its file"
        else:
            continue
        remedy = "it cannot be brought back; its parameters can be enqueued in a new study"
        yield Finding(f"trial {trial.number}", f"its model {uri} {gone}", remedy)
