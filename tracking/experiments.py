"""Experiments looked at again: a trial's figures by epoch, and an experiment set aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tracking.answers import TrackingError, answering
from tracking.names import original_name, safe_name
from tracking.store import Store

#: what a trial's run holds beside the metrics of its epochs
_FIGURES = {"best_epoch", "n_params"}


@dataclass(frozen=True)
class EpochValue:
    """A metric at the end of an epoch (from 1), and when that was: seconds since 1970."""

    epoch: int
    value: float
    seconds: float


def epoch_curves(store: Store, run_id: str) -> dict[str, list[EpochValue]]:
    """What the metrics of a trial were at the end of each epoch, by name, in the order of the epochs.

    Raises:
        TrackingError: the store does not answer, or has no such run.
    """
    curves = {}
    with answering():
        run = store.client.get_run(run_id).data
        for name in _of_epochs(original_name(stored, run.tags) for stored in run.metrics):
            # in the order of time: of an epoch that was run twice the last counts
            history = store.client.get_metric_history(run_id, safe_name(name))
            by_epoch = {entry.step: EpochValue(entry.step, entry.value, entry.timestamp / 1000) for entry in history}
            curves[name] = [by_epoch[epoch] for epoch in sorted(by_epoch)]
    return curves


def metrics_at(store: Store, run_id: str, epoch: int) -> dict[str, float]:
    """What the metrics of a trial were at the end of an epoch (from 1)."""
    curves = epoch_curves(store, run_id)
    return {name: at.value for name, curve in curves.items() for at in curve if at.epoch == epoch}


def _of_epochs(names: Iterable[str]) -> list[str]:
    """Of all metrics of a run those that are logged at each epoch's end."""
    there = set(names)
    return sorted(
        name
        for name in there - _FIGURES
        if not name.startswith("seconds_") and name.removeprefix("best_") not in there - {name}
    )


def set_aside(uri: str, experiment: str) -> str | None:
    """Make room for a new experiment of that name: the one there is renamed and deleted as MLflow deletes,
    which `mlflow gc` makes final and a restore undoes.

    Returns:
        The name that it has now; None where there was none.

    Raises:
        TrackingError: the store does not answer.
    """
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    try:
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return None
        if found.lifecycle_stage == "deleted":  # only an active one can be renamed
            client.restore_experiment(found.experiment_id)
        name = f"{experiment} (overwritten {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f})"
        client.rename_experiment(found.experiment_id, name)
        client.delete_experiment(found.experiment_id)
    except MlflowException as error:
        raise TrackingError(str(error).splitlines()[0][:300]) from None
    return name
