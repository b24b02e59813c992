"""Where the record is kept: an MLflow tracking store with one experiment a study."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# read by MLflow when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

NUMBER, STATE = "trial", "state"


class TrackingError(Exception):
    """The tracking store does not answer, or not as it should."""


@dataclass(frozen=True)
class Store:
    """An experiment in a tracking store; travels to the workers."""

    uri: str
    experiment_id: str

    @property
    def client(self) -> MlflowClient:
        """A client; its connections are MLflow's own, pooled per URI."""
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


def open_store(uri: str, experiment: str, artifact_root: str | None) -> Store:
    """The store with an experiment of that name, made when it is not there yet.

    A new SQLite store is made here, before any worker opens it: two that did would race in its migration.

    Args:
        artifact_root: URI of the folder for a new experiment's artifacts; None leaves it to the server.

    Raises:
        TrackingError: the store does not answer.
    """
    try:
        _knock(uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        found = client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        location = f"{artifact_root}/{experiment}" if artifact_root else None
        identifier = found.experiment_id if found else client.create_experiment(experiment, location)
    except (MlflowException, OSError) as error:
        raise TrackingError(_one_line(error)) from None
    return Store(uri, str(identifier))


def find_store(uri: str, experiment: str) -> Store | None:
    """The store with an experiment of that name; None where there is none."""
    found = MlflowClient(tracking_uri=uri, registry_uri=uri).get_experiment_by_name(experiment)
    return Store(uri, str(found.experiment_id)) if found else None


def start_run(store: Store, name: str, tags: Mapping[str, str], parent: str | None = None) -> str:
    """A new run's id; with `parent` it is a child run."""
    tags = dict(tags) | ({MLFLOW_PARENT_RUN_ID: parent} if parent else {})
    return str(store.client.create_run(store.experiment_id, run_name=name, tags=tags).info.run_id)


def log(
    store: Store,
    run_id: str,
    params: Mapping[str, object] = {},
    tags: Mapping[str, object] = {},
    metrics: Mapping[str, float] = {},
    step: int = 0,
    timestamp: int = 0,
) -> None:
    """Parameters, tags and one step's metrics in one call; `timestamp` in milliseconds since the epoch."""
    store.client.log_batch(
        run_id,
        metrics=[Metric(key, value, timestamp, step) for key, value in metrics.items()],
        params=[Param(key, str(value)) for key, value in params.items()],
        tags=[RunTag(key, str(value)) for key, value in tags.items()],
    )


def child_runs(store: Store, parent: str | None = None) -> list[Run]:
    """All child runs of the experiment, or of one parent run, the newest first."""
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'" if parent else f"tags.`{NUMBER}` LIKE '%'"
    found: list[Run] = []
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id], query, ViewType.ACTIVE_ONLY, max_results=1000, page_token=token
        )
        found += page
        if not (token := page.token):
            return found


def best_run(store: Store, metric: str, maximize: bool) -> Run | None:
    """What MLflow itself puts first among the complete trials, sorted by `metric`."""
    order = f"metrics.`{metric}` {'DESC' if maximize else 'ASC'}"
    found = store.client.search_runs(
        [store.experiment_id], f"tags.{STATE} = 'COMPLETE'", order_by=[order], max_results=1
    )
    return found[0] if found else None


def _knock(uri: str) -> None:
    """See whether a server listens at all: MLflow itself would try for four minutes."""
    address = urlsplit(uri)
    if address.scheme in ("http", "https"):
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=5).close()


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
