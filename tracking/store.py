"""Where the record is kept: an MLflow tracking store with one experiment a study."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

# read by MLflow when it is imported
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"  # whatever a person has set: nothing here needs it
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# MLflow itself would send everything up to 8 times, creations too, and let a trial wait for 4 minutes; what is not
# delivered is kept here, and sent again so that it counts once
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")

import requests
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError

from tracking.blank import new_store
from tracking.names import name_tags, safe_name

NUMBER, STATE, ATTEMPT = "trial", "state", "attempt"
#: the status that a run ends with, by the state of its trial
RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED", "INTERRUPTED": "KILLED"}
#: where MLflow's Keras flavor keeps the model inside of a logged model
KERAS_FILE = "data/model.keras"

#: seconds that the making of a run waits for a store that is away, and between two tries
PATIENCE, TRY_EVERY = 300.0, 2.0
#: what a file of SQLite's begins with
_SQLITE = b"SQLite format 3\0"
#: where a server listens whose URI does not say it; what else a host may be (a data source, a socket) MLflow knows
_PORTS = {"http": 80, "https": 443, "postgresql": 5432}
#: what MLflow takes in one call
_MOST_METRICS, _MOST_PARAMS = 1000, 100


class TrackingError(Exception):
    """The tracking store does not answer, or not as it should."""


class StoreAway(TrackingError):
    """The tracking store does not answer now: it is stopped, out of reach or locked, and may come back."""


class Damaged(TrackingError):
    """The store is a file that is no database, or not one of MLflow's."""


class Refused(TrackingError):
    """The tracking store answers that it cannot be done."""


@dataclass(frozen=True)
class Store:
    """An experiment in a tracking store; travels to the workers.

    Attributes:
        spool: the folder for what the store did not take while it was away; None: nothing is kept.
    """

    uri: str = field(repr=False)  # a database's holds its password
    experiment_id: str
    spool: Path | None = None

    @property
    def client(self) -> MlflowClient:
        """A client; its connections are MLflow's own, pooled per URI."""
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


def open_store(uri: str, experiment: str, artifact_root: str | None, spool: Path | None = None) -> Store:
    """The store with an experiment of that name, made when it is not there yet.

    A new SQLite store is made here, before any worker opens it: two that did would race in its migration.

    Args:
        artifact_root: URI of the folder for a new experiment's artifacts; None leaves it to the server.
        spool: see `Store`.

    Raises:
        TrackingError: the store does not answer.
    """
    try:
        with answering():
            _knock(uri)
            if (file := uri.removeprefix("sqlite:///")) != uri:
                new_store(Path(file))
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            found = client.get_experiment_by_name(experiment)
            if found is not None and found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            location = f"{artifact_root}/{experiment}" if artifact_root else None
            identifier = found.experiment_id if found else client.create_experiment(experiment, location)
    except OSError as error:
        raise TrackingError(_one_line(error)) from None
    return Store(uri, str(identifier), spool)


def import_soon_needed(uri: str) -> None:
    """Import now what a store of this kind imports when it is first used: 0.8 s, for who has time now."""
    if not uri.startswith(("http://", "https://")):
        from mlflow.store.tracking import sqlalchemy_store  # noqa: F401
        from sqlalchemy.orm import configure_mappers

        configure_mappers()


def find_store(uri: str, experiment: str, spool: Path | None = None) -> Store | None:
    """The store with an experiment of that name; None where there is none.

    Raises:
        TrackingError: the store does not answer.
    """
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).is_file():  # MLflow would make one
        return None
    with answering():
        _knock(uri)
        found = MlflowClient(tracking_uri=uri, registry_uri=uri).get_experiment_by_name(experiment)
    return Store(uri, str(found.experiment_id), spool) if found else None


def start_run(store: Store, name: str, tags: Mapping[str, str], parent: str | None = None) -> str:
    """A new run's id; with `parent` it is a child run.

    Where the store's answer is lost, the run may have been made nevertheless: it bears a mark of this attempt, by
    which it is looked for before another is made.

    Raises:
        StoreAway: for `PATIENCE` seconds.
    """
    mark = uuid.uuid4().hex
    tags = {**tags, ATTEMPT: mark} | ({MLFLOW_PARENT_RUN_ID: parent} if parent else {})
    deadline, first = time.monotonic() + PATIENCE, True
    while True:
        try:
            with answering():
                query = f"tags.`{ATTEMPT}` = '{mark}'"
                made = [] if first else store.client.search_runs([store.experiment_id], query, max_results=1)
                run = made[0] if made else store.client.create_run(store.experiment_id, run_name=name, tags=tags)
                return str(run.info.run_id)
        except StoreAway:
            if time.monotonic() >= deadline:
                raise
            first = False
            time.sleep(TRY_EVERY)


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
    log_all(store, run_id, [Metric(key, value, timestamp, step) for key, value in metrics.items()], params, tags)


def log_all(
    store: Store, run_id: str, metrics: Sequence[Metric], params: Mapping[str, object], tags: Mapping[str, object]
) -> None:
    """Metrics of any steps, parameters and tags, in one call if MLflow takes them in one.

    Sent twice they count once: MLflow knows a metric by its key, step, time and value. Names that it does not take are
    replaced (`tracking.names`). An infinite value is stored as NaN: MLflow would make 1.8e308 of it and rank it first.
    """
    tags = {**tags, **name_tags((*params, *(one.key for one in metrics)))}
    numbers, texts = map(_storable, metrics), iter([Param(safe_name(key), str(value)) for key, value in params.items()])
    marks = iter([RunTag(key, str(value)) for key, value in tags.items()])
    while True:
        batch = list(islice(numbers, _MOST_METRICS - 2 * _MOST_PARAMS))
        some, few = list(islice(texts, _MOST_PARAMS)), list(islice(marks, _MOST_PARAMS))
        if not (batch or some or few):
            return
        store.client.log_batch(run_id, metrics=batch, params=some, tags=few)


def _storable(metric: Metric) -> Metric:
    value = metric.value if math.isfinite(metric.value) else math.nan
    return Metric(safe_name(metric.key), value, metric.timestamp, metric.step)


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
    order = f"metrics.`{safe_name(metric)}` {'DESC' if maximize else 'ASC'}"
    found = store.client.search_runs(
        [store.experiment_id], f"tags.{STATE} = 'COMPLETE'", order_by=[order], max_results=1
    )
    return found[0] if found else None


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turns what MLflow raises into an error of one line.

    Raises:
        StoreAway: what could not be done now may succeed later.
        Damaged: the store cannot be read.
        Refused: it cannot be done.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:  # a database that is locked, stopped or starting
        raise StoreAway(_one_line(error)) from error
    except DatabaseError as error:
        raise Damaged(_one_line(error)) from error
    except MlflowException as error:
        busy = error.get_http_status_code() >= 500 or error.get_http_status_code() == 429
        raise (StoreAway if busy else Refused)(_one_line(error)) from error
    except requests.RequestException as error:
        raise StoreAway(_one_line(error)) from error


def _knock(uri: str) -> None:
    """See whether a server listens at all, or whether a file is a database.

    MLflow itself would try for minutes.

    Raises:
        StoreAway: none does.
        Damaged: it is none.
        Refused: the URI cannot be read.
    """
    file = Path(uri.removeprefix("sqlite:///"))
    if str(file) != uri and file.is_file() and file.stat().st_size:
        with file.open("rb") as content:
            if content.read(len(_SQLITE)) != _SQLITE:
                raise Damaged(f"{file} is no SQLite database")
    try:
        address = make_url(uri)
    except ArgumentError as error:
        raise Refused(_one_line(error)) from None
    if address.host and (usual := _PORTS.get(address.get_backend_name())):
        port = address.port or usual
        try:
            socket.create_connection((address.host, port), timeout=5).close()
        except OSError as error:
            raise StoreAway(f"{address.host}:{port}: {error}") from None


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
