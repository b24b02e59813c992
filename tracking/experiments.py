"""Experiments looked at again: a trial's figures at one epoch, and an experiment set aside."""

from __future__ import annotations

from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from tracking.store import Store, TrackingError

#: what a trial's run holds beside the metrics of its epochs
_FIGURES = {"best_epoch", "n_params"}


def metrics_at(store: Store, run_id: str, epoch: int) -> dict[str, float]:
    """What the metrics of a trial were at the end of an epoch (from 1)."""
    client = store.client
    names = client.get_run(run_id).data.metrics
    found = {}
    for name in sorted(names):
        if name in _FIGURES or name.startswith("seconds_") or name.removeprefix("best_") in names.keys() - {name}:
            continue
        values = [entry.value for entry in client.get_metric_history(run_id, name) if entry.step == epoch]
        if values:
            found[name] = float(values[-1])
    return found


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
