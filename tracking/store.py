"""Where the record is kept: an MLflow tracking store with one experiment a study."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, Run, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tracking.addresses import knock, sqlite_file, touch
from tracking.answers import StoreUnavailable, Unwritable, answering, one_line
from tracking.blank import new_store
from tracking.names import name_tags, safe_name

NUMBER, STATE, ATTEMPT = "trial", "state", "attempt"
#: the status that a run ends with, by the state of its trial
RUN_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED", "INTERRUPTED": "KILLED"}
#: where MLflow's Keras flavor keeps the model inside of a logged model
KERAS_FILE = "data/model.keras"
#: the tag of a trial's run that holds its model's hash
SHA256 = "model_sha256"

#: seconds that the making of a run waits for a store that is away, and between two tries
PATIENCE, TRY_EVERY = 300.0, 2.0
#: what MLflow takes in one call
_MOST_METRICS, _MOST_PARAMS = 1000, 100


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


def open_store(
    uri: str, experiment: str, artifact_root: str | None, spool: Path | None = None, runs: Sequence[str] = ()
) -> Store:
    """The store with a study's experiment, made when it is not there yet, restored when it was deleted.

    A new SQLite store is made here, before any worker opens it: two that did would race in its migration.

    Args:
        experiment: its name, where it is to be made, or none of `runs` is there to show it.
        artifact_root: URI of the folder for a new experiment's artifacts; None leaves it to the server.
        spool: see `Store`.
        runs: ids of runs of it that are known: an experiment may be renamed, and another get its name.

    Raises:
        TrackingError: the store does not answer.
    """
    try:
        with answering(uri):
            knock(uri)
            if (file := sqlite_file(uri)) is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                new_store(file, artifact_root=artifact_root)
                touch(file)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            found = _experiment(client, experiment, runs)
            if found is not None and found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            location = f"{artifact_root}/{experiment}" if artifact_root else None
            identifier = found.experiment_id if found else client.create_experiment(experiment, location)
    except OSError as error:
        raise Unwritable(one_line(error)) from None
    return Store(uri, str(identifier), spool)


def import_soon_needed(uri: str) -> None:
    """Import now what a store of this kind imports when it is first used: 0.8 s, for who has time now."""
    if not uri.startswith(("http://", "https://")):
        from mlflow.store.tracking import sqlalchemy_store  # noqa: F401
        from sqlalchemy.orm import configure_mappers

        configure_mappers()


def find_store(uri: str, experiment: str, spool: Path | None = None, runs: Sequence[str] = ()) -> Store | None:
    """The store with a study's experiment, see `open_store`; None where there is none.

    Raises:
        TrackingError: the store does not answer.
    """
    with answering(uri):
        knock(uri)
        file = sqlite_file(uri)
        if file is not None and not file.is_file():  # MLflow would make one
            return None
        found = _experiment(MlflowClient(tracking_uri=uri, registry_uri=uri), experiment, runs)
    return Store(uri, str(found.experiment_id), spool) if found else None


def _experiment(client: MlflowClient, name: str, runs: Sequence[str]) -> Experiment | None:
    """The experiment that has one of these runs; where none is there, the one of that name."""
    for run_id in runs:
        try:
            return client.get_experiment(client.get_run(run_id).info.experiment_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return client.get_experiment_by_name(name)


def start_run(store: Store, name: str, tags: Mapping[str, str], parent: str | None = None) -> str:
    """A new run's id; with `parent` it is a child run.

    Where the store's answer is lost, the run may have been made nevertheless: it bears a mark of this attempt, by
    which it is looked for before another is made.

    Raises:
        StoreUnavailable: for `PATIENCE` seconds.
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
        except StoreUnavailable:
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
