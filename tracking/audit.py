"""The runs and models of an experiment in a few calls, and the operations that repair a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mlflow.entities import Run, ViewType

from tracking.moving import local_path
from tracking.names import original_name, safe_name
from tracking.store import KERAS_FILE, RUN_STATUS, STATE, Store, log, pages

#: the run statuses that match a trial's state: a killed or interrupted trial has failed, and earlier versions ended the
#: run of a pruned one as FINISHED
_MATCHING = {"COMPLETE": {"FINISHED"}, "PRUNED": {"KILLED", "FINISHED"}, "FAIL": {"FAILED", "KILLED"}}


@dataclass(frozen=True)
class RunRow:
    """What of a trial's run can contradict the study.

    Attributes:
        number: the trial's number; None where the tag is no number.
        status: MLflow's status (RUNNING, FINISHED, FAILED, KILLED, …).
        state: the tag with the trial's state (COMPLETE, PRUNED, FAIL).
        deleted: the run has MLflow's lifecycle stage `deleted`, from which it can be restored.
    """

    run_id: str
    number: int | None
    status: str
    state: str | None
    metrics: Mapping[str, float]
    deleted: bool

    def matches(self, state: str) -> bool:
        """Whether the run ended as a trial in this state does."""
        return self.status in _MATCHING[state] and self.state == state


@dataclass(frozen=True)
class ModelRow:
    """A logged model.

    Attributes:
        ready: it was uploaded completely.
        has_file: whether its `.keras` file exists; None where only the server can tell.
    """

    uri: str
    run_id: str
    ready: bool
    has_file: bool | None


def trial_runs(store: Store) -> list[RunRow]:
    """The runs of all trials, deleted ones too, the oldest first."""
    return [_row(run, store.kind) for run in _search_runs(store, f"tags.`{store.kind}` LIKE '%'")]


def sweep_runs(store: Store) -> dict[str, str]:
    """The status of each parent run by id, `DELETED` for a deleted one; a consistent study has one parent run."""
    runs = _search_runs(store, f"tags.kind = '{store.parent_kind}'")
    return {str(run.info.run_id): "DELETED" if _is_deleted(run) else str(run.info.status) for run in runs}


def logged_models(store: Store) -> dict[str, ModelRow]:
    """The logged models of the experiment, by URI."""
    models = pages(lambda token: store.client.search_logged_models([store.experiment_id], page_token=token))
    rows = (
        ModelRow(
            str(model.model_uri),
            str(model.source_run_id),
            str(model.status) == "READY",
            _has_file(model.artifact_location),
        )
        for model in models
    )
    return {row.uri: row for row in rows}


def run_params(store: Store, run_id: str) -> Mapping[str, str]:
    """A run's parameters."""
    params: Mapping[str, str] = store.client.get_run(run_id).data.params
    return params


def is_running(store: Store, run_id: str) -> bool:
    """Whether a run has not ended."""
    return str(store.client.get_run(run_id).info.status) == "RUNNING"


def is_deleted(store: Store) -> bool:
    """Whether the experiment, and with it each of its runs, is in MLflow's lifecycle stage `deleted`."""
    return str(store.client.get_experiment(store.experiment_id).lifecycle_stage) == "deleted"


def restore_experiment(store: Store) -> None:
    """Restore a deleted experiment and its runs."""
    store.client.restore_experiment(store.experiment_id)


def restore_run(store: Store, run_id: str) -> None:
    """Restore a deleted run."""
    store.client.restore_run(run_id)


def end_run(store: Store, run_id: str, state: str) -> None:
    """End a trial's run with the state that the study has for the trial."""
    log(store, run_id, tags={STATE: state})
    store.client.set_terminated(run_id, RUN_STATUS[state])


def discard_run(store: Store, run_id: str, reason: str) -> None:
    """End a surplus run and delete it; MLflow can restore it until `mlflow gc`."""
    log(store, run_id, tags={STATE: "FAIL", "error": reason})
    store.client.set_terminated(run_id, "KILLED")
    store.client.delete_run(run_id)


def correct_metric(store: Store, run_id: str, name: str, value: float, epoch: int) -> None:
    """Log a metric again, so that it becomes the run's value: MLflow takes the latest of the last step.

    Args:
        epoch: its step where the metric was never logged.
    """
    steps = [entry.step for entry in store.client.get_metric_history(run_id, safe_name(name))]
    log(store, run_id, metrics={name: value}, step=max(steps, default=epoch), timestamp=int(time.time() * 1000))


def _search_runs(store: Store, query: str) -> Iterator[Run]:
    order = ["attributes.start_time ASC"]
    return pages(lambda token: store.client.search_runs([store.experiment_id], query, ViewType.ALL, 1000, order, token))


def _row(run: Run, kind: str) -> RunRow:
    tags = run.data.tags
    return RunRow(
        str(run.info.run_id),
        int(tags[kind]) if tags[kind].isdecimal() else None,
        str(run.info.status),
        tags.get(STATE),
        {original_name(stored, tags): value for stored, value in run.data.metrics.items()},
        _is_deleted(run),
    )


def _is_deleted(run: Run) -> bool:
    return str(run.info.lifecycle_stage) == "deleted"


def _has_file(location: str) -> bool | None:
    folder = local_path(location)
    return (folder / KERAS_FILE).is_file() if folder else None
