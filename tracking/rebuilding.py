"""Lost runs and models, created again under the ids that the study remembers.

MLflow's API assigns ids itself, so that a row with a given id is written to the database directly. That is not
possible on a tracking server: there a rebuilt run gets a new id.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities import Metric
from mlflow.models import Model
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from tracking.moving import local_path
from tracking.store import KERAS_FILE, RUN_STATUS, SHA256, STATE, Store, log_all, model_name, start_run

if TYPE_CHECKING:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore


@dataclass(frozen=True)
class LostRun:
    """What is known of a run that is not in MLflow.

    Attributes:
        run_id: its former id; None where that is not known.
        metrics: name, value and epoch of each.
        started, ended: None where the time is not known; the current time is then used.
    """

    run_id: str | None
    name: str
    parent: str | None
    tags: Mapping[str, str]
    params: Mapping[str, object]
    metrics: Sequence[tuple[str, float, int]]
    status: str
    started: datetime | None
    ended: datetime | None

    @classmethod
    def of_trial(cls, kind: str, number: int, state: str, tags: Mapping[str, str], **known: Any) -> LostRun:
        """The run of a trial; `kind` is the store's, `tags` are without number and state, `known` are the others."""
        return cls(tags={kind: str(number), STATE: state, **tags}, status=RUN_STATUS[state], **known)


def rebuild_run(store: Store, lost: LostRun) -> str:
    """Create a lost run; return its id, which is the former one if it is known and the store is a database."""
    tags = {**lost.tags, "rebuilt": "true"}
    database = database_of(store)
    if database is None or lost.run_id is None:
        run_id = start_run(store, lost.name, tags, lost.parent)
    else:
        run_id = lost.run_id
        _insert_run(database, store, lost, tags)
    now = int(time.time() * 1000)
    log_all(store, run_id, [Metric(name, value, now, step) for name, value, step in lost.metrics], lost.params, {})
    store.client.set_terminated(run_id, lost.status, _milliseconds(lost.ended))
    return run_id


def keeps_ids(store: Store) -> bool:
    """Whether rebuilt runs keep their ids."""
    return database_of(store) is not None


def model_folder(store: Store, model_uri: str) -> Path | None:
    """The folder with the files of a trial's model; None where they are not on this machine or cannot be logged again.

    Args:
        model_uri: `models:/m-…`, or `runs:/RUN_ID/model` of a model that was logged through the spool.
    """
    root = local_path(str(store.client.get_experiment(store.experiment_id).artifact_location))
    if root is None or database_of(store) is None:
        return None
    kind, _, path = model_uri.partition(":/")
    if kind == "models":
        folder = root / "models" / path / "artifacts"
        return folder if (folder / KERAS_FILE).is_file() else None
    folders = (file.parent for file in sorted((root / "models").glob("*/artifacts/MLmodel")))
    return next((folder for folder in folders if _run_of(folder) == path.split("/")[0]), None)


def rebuild_model(store: Store, folder: Path, run_id: str, params: Mapping[str, object]) -> None:
    """Log a model again from its files in place; their current SHA-256 becomes the logged one."""
    from mlflow.entities import LoggedModelStatus
    from mlflow.store.tracking.dbmodels.models import SqlLoggedModel, SqlLoggedModelParam

    database, model_id, now = database_of(store), folder.parent.name, int(time.time() * 1000)
    assert database is not None
    with (folder / KERAS_FILE).open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    log_all(store, run_id, [], {}, {"model_uri": f"models:/{model_id}", SHA256: digest})
    location = store.client.get_experiment(store.experiment_id).artifact_location
    experiment, name = int(store.experiment_id), model_name(store, run_id)
    with database.ManagedSessionMaker(read_only=False) as session:
        session.add(
            SqlLoggedModel(
                model_id=model_id,
                experiment_id=experiment,
                name=name,
                artifact_location=f"{location}/models/{model_id}/artifacts",
                creation_timestamp_ms=now,
                last_updated_timestamp_ms=now,
                status=LoggedModelStatus.READY.to_int(),
                lifecycle_stage="active",
                source_run_id=run_id,
            )
        )
        session.flush()
        for key, value in params.items():
            row = {"model_id": model_id, "experiment_id": experiment, "param_key": key, "param_value": str(value)}
            session.add(SqlLoggedModelParam(**row))


def _insert_run(database: SqlAlchemyStore, store: Store, lost: LostRun, tags: Mapping[str, str]) -> None:
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag

    location = store.client.get_experiment(store.experiment_id).artifact_location
    named = {MLFLOW_RUN_NAME: lost.name} | ({MLFLOW_PARENT_RUN_ID: lost.parent} if lost.parent else {})
    with database.ManagedSessionMaker(read_only=False) as session:
        session.add(
            SqlRun(
                run_uuid=lost.run_id,
                name=lost.name,
                experiment_id=int(store.experiment_id),
                artifact_uri=f"{location}/{lost.run_id}/artifacts",
                source_type="UNKNOWN",
                source_name="",
                source_version="",
                entry_point_name="",
                user_id="",
                status="RUNNING",
                start_time=_milliseconds(lost.started),
                lifecycle_stage="active",
                tags=[SqlTag(key=key, value=value) for key, value in {**tags, **named}.items()],
            )
        )


def _milliseconds(moment: datetime | None) -> int:
    """Milliseconds since 1970; None is now."""
    return int((moment or datetime.now()).timestamp() * 1000)


def database_of(store: Store) -> SqlAlchemyStore | None:
    """MLflow's access to a store that is a database; None for a tracking server."""
    if store.uri.startswith(("http://", "https://")):
        return None
    from mlflow.tracking._tracking_service.utils import _get_store

    database: SqlAlchemyStore = _get_store(store.uri)
    return database


def _run_of(folder: Path) -> str | None:
    """The run id in a saved model's description; None where its file is missing."""
    return str(Model.load(str(folder)).run_id) if (folder / KERAS_FILE).is_file() else None
