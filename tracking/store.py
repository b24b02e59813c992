"""The MLflow tracking store of a study: its experiment, and the calls that create and write runs."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tracking.addresses import check_reachable, sqlite_file, touch
from tracking.connections import disconnect
from tracking.errors import StoreUnavailable, Unwritable, one_line, translate_errors
from tracking.names import name_tags, safe_name
from tracking.new_database import create_database

STATE, ATTEMPT = "state", "attempt"
#: the final status of a run, by the state of its trial; as in MLflow's own storage for Optuna
RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED", "INTERRUPTED": "KILLED"}
#: the tag of an experiment by which MLflow's UI shows runs and models, not traces
KIND = {"mlflow.experimentKind": "custom_model_development"}
#: the path of the model in a logged model of MLflow's Keras flavor
KERAS_FILE = "data/model.keras"
#: the tag of a trial's run with the hash of its model's file
SHA256 = "model_sha256"

#: seconds for which the creation of a run is retried, and between two attempts
CREATE_TIMEOUT, RETRY_INTERVAL = 300.0, 2.0
#: MLflow's limits for one call
_MAX_ENTRIES, _MAX_PARAMS = 1000, 100
#: what SQLite, PostgreSQL and MySQL say, and MLflow's server
_OUTRUN = ("UNIQUE constraint", "UniqueViolation", "Duplicate entry", "already exists")
T = TypeVar("T")


@dataclass(frozen=True)
class Store:
    """An experiment in a tracking store.

    Attributes:
        spool: the folder for what cannot be sent while the store is unavailable; None: nothing is kept.
        kind: what its numbered runs are: the trials of a sweep, or the runs that confirm its winner. The first part of
            their names, and the tag with their number.
    """

    uri: str = field(repr=False)  # the URI of a database contains its password
    experiment_id: str
    spool: Path | None = None
    kind: Literal["trial", "confirm"] = "trial"

    @property
    def parent_kind(self) -> str:
        """The name of the parent run, and its tag `kind`."""
        return "sweep" if self.kind == "trial" else self.kind

    def numbered(self, number: int | str) -> str:
        """The name of a run until its hyperparameters are known, and of its model: `trial-0007`."""
        return f"{self.kind}-{int(number):04d}"

    @property
    def client(self) -> MlflowClient:
        """A client; MLflow pools its connections by URI."""
        return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)


def open_store(
    uri: str, experiment: str, artifact_root: str | None, spool: Path | None = None, runs: Sequence[str] = ()
) -> Store:
    """Open a study's experiment; create it where it does not exist, restore it where it was deleted.

    A new SQLite store is created here, before any worker opens it: two workers would race in its migrations.

    Args:
        experiment: its name, for a new one and where none of `runs` exists.
        artifact_root: URI of the folder for a new experiment's artifacts; None leaves it to the server.
        spool: see `Store`.
        runs: ids of known runs of the experiment, by which it is found after a rename.

    Raises:
        TrackingError: the store cannot be opened.
    """
    try:
        with translate_errors(uri):
            check_reachable(uri)
            if (file := sqlite_file(uri)) is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                if not file.exists():
                    disconnect()
                create_database(file, artifact_root=artifact_root)
                touch(file)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            found = _experiment(client, experiment, runs)
            if found is not None and found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            location = f"{artifact_root}/{experiment}" if artifact_root else None

            def created() -> str:
                known = client.get_experiment_by_name(experiment)
                return str(known.experiment_id if known else client.create_experiment(experiment, location, KIND))

            identifier = found.experiment_id if found else twice_if_outrun(created)
    except OSError as error:
        raise Unwritable(one_line(error)) from None
    return Store(uri, str(identifier), spool)


def twice_if_outrun(call: Callable[[], T]) -> T:
    """Call MLflow, once more if another process has made the same row between its look and its write."""
    try:
        return call()
    except MlflowException as error:
        if not any(said in str(error) for said in _OUTRUN):
            raise
        return call()


def import_soon_needed(uri: str) -> None:
    """Import what a store of this kind would import on first use (0.8 s)."""
    if not uri.startswith(("http://", "https://")):
        from mlflow.store.tracking import sqlalchemy_store  # noqa: F401
        from sqlalchemy.orm import configure_mappers

        configure_mappers()


def find_store(uri: str, experiment: str, spool: Path | None = None, runs: Sequence[str] = ()) -> Store | None:
    """Open a study's experiment as `open_store` does; None where it does not exist.

    Raises:
        TrackingError: the store cannot be opened.
    """
    with translate_errors(uri):
        check_reachable(uri)
        file = sqlite_file(uri)
        if file is not None and not file.is_file():  # MLflow would create it
            return None
        found = _experiment(MlflowClient(tracking_uri=uri, registry_uri=uri), experiment, runs)
    return Store(uri, str(found.experiment_id), spool) if found else None


def _experiment(client: MlflowClient, name: str, runs: Sequence[str]) -> Experiment | None:
    """The experiment of the first of these runs that exists; otherwise the one of that name."""
    for run_id in runs:
        try:
            return client.get_experiment(client.get_run(run_id).info.experiment_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return client.get_experiment_by_name(name)


class NewRun:
    """A run that is to be created, with `parent` as a child run.

    If the response is lost, the run may exist nevertheless: a further attempt first searches for it by its mark.
    """

    def __init__(self, store: Store, name: str, tags: Mapping[str, str], parent: str | None = None) -> None:
        self._store, self._name, self._mark, self._tried = store, name, uuid.uuid4().hex, False
        self._tags = {**tags, ATTEMPT: self._mark} | ({MLFLOW_PARENT_RUN_ID: parent} if parent else {})

    def create(self) -> str:
        """The run's id.

        Raises:
            StoreUnavailable: a further attempt may succeed.
        """
        client, experiment = self._store.client, self._store.experiment_id
        with translate_errors():
            query = f"tags.`{ATTEMPT}` = '{self._mark}'"
            existing = client.search_runs([experiment], query, max_results=1) if self._tried else []
            self._tried = True
            run = existing[0] if existing else client.create_run(experiment, run_name=self._name, tags=self._tags)
            return str(run.info.run_id)


def start_run(store: Store, name: str, tags: Mapping[str, str], parent: str | None = None) -> str:
    """Create a run, with `parent` a child run; return its id.

    Raises:
        StoreUnavailable: for `CREATE_TIMEOUT` seconds.
    """
    new, deadline = NewRun(store, name, tags, parent), time.monotonic() + CREATE_TIMEOUT
    while True:
        try:
            return new.create()
        except StoreUnavailable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_INTERVAL)


def end_named(store: Store, run_id: str, status: str, ended: int, name: str | None) -> None:
    """End a run as `MlflowClient.set_terminated` does, and name it in the same call; None leaves its name.

    Args:
        ended: milliseconds since 1970.
    """
    runs = store.client._tracking_client.store
    runs.update_run_info(run_id, RunStatus.from_string(status), ended, name)


def model_name(store: Store, run_id: str) -> str:
    """The name of the model of a trial's run."""
    number = store.client.get_run(run_id).data.tags.get(store.kind, "")
    return store.numbered(number) if number.isdecimal() else "model"


def log(
    store: Store,
    run_id: str,
    params: Mapping[str, object] = {},
    tags: Mapping[str, object] = {},
    metrics: Mapping[str, float] = {},
    step: int = 0,
    timestamp: int = 0,
) -> None:
    """Log parameters, tags and the metrics of one step in one call; `timestamp` in milliseconds since 1970."""
    log_all(store, run_id, [Metric(key, value, timestamp, step) for key, value in metrics.items()], params, tags)


def log_all(
    store: Store, run_id: str, metrics: Sequence[Metric], params: Mapping[str, object], tags: Mapping[str, object]
) -> None:
    """Log metrics of any steps, parameters and tags, in as few calls as MLflow's limits allow.

    Data that is sent twice counts once: MLflow identifies a metric by key, step, time and value. Names that MLflow
    refuses are replaced (`tracking.names`). Infinity is stored as NaN: MLflow would store 1.8e308 and rank it first.
    """
    tags = {**tags, **name_tags((*params, *(metric.key for metric in metrics)))}
    metric_rows = map(_storable, metrics)
    param_rows = iter([Param(safe_name(key), str(value)) for key, value in params.items()])
    tag_rows = iter([RunTag(key, str(value)) for key, value in tags.items()])
    while True:
        batch = {
            "metrics": list(islice(metric_rows, _MAX_ENTRIES - 2 * _MAX_PARAMS)),
            "params": list(islice(param_rows, _MAX_PARAMS)),
            "tags": list(islice(tag_rows, _MAX_PARAMS)),
        }
        if not any(batch.values()):
            return
        twice_if_outrun(partial(store.client.log_batch, run_id, **batch))


def _storable(metric: Metric) -> Metric:
    value = metric.value if math.isfinite(metric.value) else math.nan
    of_model = (metric.model_id, metric.dataset_name, metric.dataset_digest)
    return Metric(safe_name(metric.key), value, metric.timestamp, metric.step, *of_model)


def child_runs(store: Store, parent: str | None = None) -> list[Run]:
    """All child runs of the experiment, or of one parent run, the newest first."""
    query = f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent}'" if parent else f"tags.`{store.kind}` LIKE '%'"
    found = pages(
        lambda token: store.client.search_runs(
            [store.experiment_id], query, ViewType.ACTIVE_ONLY, max_results=1000, page_token=token
        )
    )
    return list(found)


def pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """What a paged search finds, page by page; it is called with the token of the next page."""
    token = None
    while True:
        page = search(token)
        yield from page
        if not (token := page.token):
            return
