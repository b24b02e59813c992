"""The record looked over: its trial runs and models in a few calls, and what brings a run in order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow.entities import Run, ViewType

from tracking.moving import local_path
from tracking.names import original_name, safe_name
from tracking.store import KERAS_FILE, NUMBER, RUN_STATUS, STATE, Store, log, pages

#: the statuses that fit a state: what was killed or interrupted has failed, too
_FITTING = {"COMPLETE": {"FINISHED"}, "PRUNED": {"FINISHED"}, "FAIL": {"FAILED", "KILLED"}}


@dataclass(frozen=True)
class RunRow:
    """A trial's run, as far as it can contradict the study.

    Attributes:
        number: the trial's; None where the tag is no number.
        status: MLflow's (RUNNING, FINISHED, FAILED, KILLED, …).
        state: the tag, in the words of the study.
        started: milliseconds since the epoch.
        deleted: as MLflow deletes, which a restore undoes.
    """

    run_id: str
    number: int | None
    status: str
    state: str | None
    started: int
    metrics: Mapping[str, float]
    deleted: bool

    def fits(self, state: str) -> bool:
        """Whether the run says of its end what the study says of its trial's."""
        return self.status in _FITTING[state] and self.state == state


@dataclass(frozen=True)
class ModelRow:
    """A logged model.

    Attributes:
        there: whether its file is; None where only the server can tell.
    """

    uri: str
    run_id: str
    ready: bool
    there: bool | None


def trial_runs(store: Store) -> list[RunRow]:
    """The runs of all trials, deleted ones too, the oldest first."""
    query = f"tags.`{NUMBER}` LIKE '%'"
    found = pages(
        lambda token: store.client.search_runs(
            [store.experiment_id], query, ViewType.ALL, 1000, ["attributes.start_time ASC"], token
        )
    )
    return [_row(run) for run in found]


def logged_models(store: Store) -> dict[str, ModelRow]:
    """The logged models of the experiment, by URI."""
    found = pages(lambda token: store.client.search_logged_models([store.experiment_id], page_token=token))
    rows = (
        ModelRow(
            str(model.model_uri),
            str(model.source_run_id),
            str(model.status) == "READY",
            _is_there(model.artifact_location),
        )
        for model in found
    )
    return {row.uri: row for row in rows}


def run_params(store: Store, run_id: str) -> Mapping[str, str]:
    """A run's parameters."""
    params: Mapping[str, str] = store.client.get_run(run_id).data.params
    return params


def is_running(store: Store, run_id: str) -> bool:
    """Whether a run has not ended."""
    return str(store.client.get_run(run_id).info.status) == "RUNNING"


def sweep_runs(store: Store) -> dict[str, str]:
    """The status of each run that is a sweep's own, by id, and DELETED of one that is; one a study, if all is well."""
    query, every = "tags.kind = 'sweep'", ViewType.ALL
    found = pages(lambda token: store.client.search_runs([store.experiment_id], query, every, 1000, page_token=token))
    return {
        str(run.info.run_id): "DELETED" if run.info.lifecycle_stage == "deleted" else str(run.info.status)
        for run in found
    }


def is_deleted(store: Store) -> bool:
    """Whether the experiment is deleted, as MLflow deletes; its runs are, then, too."""
    return str(store.client.get_experiment(store.experiment_id).lifecycle_stage) == "deleted"


def restore_experiment(store: Store) -> None:
    """Take back an experiment's deletion, and that of its runs."""
    store.client.restore_experiment(store.experiment_id)


def settle_run(store: Store, run_id: str, state: str) -> None:
    """End a run as the study says that its trial has ended."""
    log(store, run_id, tags={STATE: state})
    store.client.set_terminated(run_id, RUN_STATUS[state])


def discard_run(store: Store, run_id: str, why: str) -> None:
    """End a run that is one too many and delete it as MLflow deletes: `mlflow gc` makes it final, a restore
    undoes it."""
    log(store, run_id, tags={STATE: "FAIL", "error": why})
    store.client.set_terminated(run_id, "KILLED")
    store.client.delete_run(run_id)


def restore_run(store: Store, run_id: str) -> None:
    """Take back a run's deletion."""
    store.client.restore_run(run_id)


def correct_metric(store: Store, run_id: str, name: str, value: float, epoch: int) -> None:
    """Log a metric once more, so that it is the one that counts: MLflow takes the latest of the last step.

    Args:
        epoch: whose step it gets where it was never logged.
    """
    steps = [entry.step for entry in store.client.get_metric_history(run_id, safe_name(name))]
    log(store, run_id, metrics={name: value}, step=max(steps, default=epoch), timestamp=int(time.time() * 1000))


def _row(run: Run) -> RunRow:
    tags = run.data.tags
    number = tags[NUMBER]
    return RunRow(
        str(run.info.run_id),
        int(number) if number.isdecimal() else None,
        str(run.info.status),
        tags.get(STATE),
        int(run.info.start_time),
        {original_name(stored, tags): value for stored, value in run.data.metrics.items()},
        run.info.lifecycle_stage == "deleted",
    )


def _is_there(location: str) -> bool | None:
    folder = local_path(location)
    return (folder / KERAS_FILE).is_file() if folder else None
