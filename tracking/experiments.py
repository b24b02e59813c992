"""Metrics of a trial by epoch, and the renaming of an experiment that is to be replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tracking.errors import TrackingError, translate_errors
from tracking.names import original_name, safe_name
from tracking.store import Store

#: metrics that earlier versions logged once; now they are tags
_OF_TRIAL = {"best_epoch", "n_params"}


@dataclass(frozen=True)
class EpochValue:
    """A metric at the end of an epoch (from 1), logged at `seconds` since 1970."""

    epoch: int
    value: float
    seconds: float


def epoch_curves(store: Store, run_id: str) -> dict[str, list[EpochValue]]:
    """A trial's metrics by name, each with its values in the order of the epochs.

    Raises:
        TrackingError: the store cannot be read, or has no such run.
    """
    curves = {}
    with translate_errors():
        run = store.client.get_run(run_id).data
        for name in _of_epochs(original_name(stored, run.tags) for stored in run.metrics):
            # in the order of time: the last value of a repeated epoch counts
            history = store.client.get_metric_history(run_id, safe_name(name))
            by_epoch = {entry.step: EpochValue(entry.step, entry.value, entry.timestamp / 1000) for entry in history}
            curves[name] = [by_epoch[epoch] for epoch in sorted(by_epoch)]
    return curves


def metrics_at(store: Store, run_id: str, epoch: int) -> dict[str, float]:
    """A trial's metrics at the end of an epoch (from 1), by name."""
    curves = epoch_curves(store, run_id)
    return {name: at.value for name, curve in curves.items() for at in curve if at.epoch == epoch}


def _of_epochs(names: Iterable[str]) -> list[str]:
    """The metrics that are logged at the end of each epoch, of all names of a run's metrics."""
    logged = set(names)
    return sorted(
        name
        for name in logged - _OF_TRIAL
        if not name.startswith("seconds_")
        and all(name.removeprefix(prefix) not in logged - {name} for prefix in ("best_", "std_"))
    )


def set_aside(uri: str, experiment: str) -> str | None:
    """Rename and delete an experiment, so that a new one can have its name; MLflow can restore it until `mlflow gc`.

    Returns:
        Its new name; None where there was no such experiment.

    Raises:
        TrackingError: the request failed.
    """
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    try:
        existing = client.get_experiment_by_name(experiment)
        if existing is None:
            return None
        if existing.lifecycle_stage == "deleted":  # only an active one can be renamed
            client.restore_experiment(existing.experiment_id)
        name = f"{experiment} (overwritten {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f})"
        client.rename_experiment(existing.experiment_id, name)
        client.delete_experiment(existing.experiment_id)
    except MlflowException as error:
        raise TrackingError(str(error).splitlines()[0][:300]) from None
    return name
