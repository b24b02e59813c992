"""What could not be sent while the store was unavailable: kept in a folder for each run, sent later.

    SPOOL/RUN_ID/model/             a saved model, while it is written and until it is uploaded
    SPOOL/RUN_ID/model_params.json  the parameters logged with it
    SPOOL/RUN_ID/rest.json          metrics with their times, parameters, tags, texts and final status of an ended run

A trial's end is written here before the study is told of it, so that neither waits for the store, and nothing is lost
with the process.

If the sending process dies, all of it is sent again; what was sent twice counts once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModel, Metric
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

from tracking.errors import Refused, StoreUnavailable, translate_errors
from tracking.store import Store, end_named, log_all, model_name

#: names in a run's folder
MODEL, PARAMS, _UNSENT = "model", "model_params.json", "rest.json"


@dataclass(frozen=True)
class UnsentRun:
    """What is still to be sent of an ended run.

    Attributes:
        texts: artifacts, by the name of their file.
        ended: milliseconds since 1970.
    """

    metrics: Sequence[Metric]
    params: Mapping[str, object]
    tags: Mapping[str, str]
    texts: Mapping[str, str]
    status: str
    ended: int


class _Busy(Exception):
    """Another process is sending a run, or has sent it."""


def save_unsent(store: Store, run_id: str, unsent: UnsentRun) -> None:
    """Write a run's unsent data to the spool.

    Raises:
        StoreUnavailable: the store has no spool.
        OSError: the spool cannot be written.
    """
    if store.spool is None:
        raise StoreUnavailable(
            f"the end of run {run_id} could not be sent to the tracking store, and there is no spool"
        )
    folder = store.spool / run_id
    folder.mkdir(parents=True, exist_ok=True)
    metrics = [
        (one.key, one.value, one.timestamp, one.step, one.model_id, one.dataset_name, one.dataset_digest)
        for one in unsent.metrics
    ]
    params = {key: str(value) for key, value in unsent.params.items()}
    write_json(folder / _UNSENT, asdict(unsent) | {"metrics": metrics, "params": params})


def unsent_runs(store: Store) -> list[str]:
    """The ids of ended runs with unsent data."""
    return sorted(path.parent.name for path in store.spool.glob(f"*/{_UNSENT}")) if store.spool else []


def drop_folder(store: Store, run_id: str) -> None:
    """Remove what waits in the spool of a run that nobody will send."""
    if store.spool is not None:
        shutil.rmtree(store.spool / run_id, ignore_errors=True)


def is_unsent(store: Store, run_id: str) -> bool:
    """Whether something of that run waits in the spool, as its model does."""
    return store.spool is not None and (store.spool / run_id).is_dir()


def abandoned_folders(store: Store) -> list[Path]:
    """Folders of runs that have not ended; if no process runs them, these are left over."""
    folders = sorted(store.spool.glob("*")) if store.spool else []
    return [folder for folder in folders if not (folder / _UNSENT).is_file()]


def send_all(store: Store) -> None:
    """Send all unsent data; what the store refuses stays in the spool.

    Raises:
        StoreUnavailable: the store is unavailable again; the rest stays in the spool.
    """
    for run_id in unsent_runs(store):
        with contextlib.suppress(Refused):  # for example, the run was deleted: left to `sweeps doctor`
            send_run(store, run_id)


def send_run(store: Store, run_id: str) -> None:
    """Send the unsent data of one run, unless another process is sending it.

    Raises:
        StoreUnavailable: the store is unavailable.
        Refused: the store rejects the data.
    """
    with contextlib.suppress(_Busy), _locked_folder(store, run_id) as folder, translate_errors():
        _send(store, run_id, folder)
        shutil.rmtree(folder)


def find_model(store: Store, run_id: str) -> LoggedModel | None:
    """The logged model of a run; None where it has none."""
    models = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    return models[0] if models else None


def model_of_id(store: Store, model_id: str) -> LoggedModel | None:
    """A logged model; None where it was removed."""
    try:
        return store.client.get_logged_model(model_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    return None


def send_model(store: Store, model_id: str, folder: Path) -> None:
    """Upload a saved model."""
    store.client.log_model_artifacts(model_id, str(folder))
    store.client.finalize_logged_model(model_id, "READY")


def send_texts(store: Store, run_id: str, texts: Mapping[str, str]) -> None:
    """Upload texts as artifacts, by the names of their files, in one call."""
    with tempfile.TemporaryDirectory(prefix="sweeps-texts-") as folder:
        for file, text in texts.items():
            (Path(folder) / file).write_text(text, encoding="utf-8")
        store.client.log_artifacts(run_id, folder)


def write_json(path: Path, document: object) -> None:
    """Write a JSON file atomically.

    Raises:
        OSError: it cannot be written; the error names the path.
    """
    temporary = path.with_name(f".{path.name}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def send_unsent(store: Store, run_id: str, unsent: UnsentRun) -> None:
    """Send what is left of an ended run, and end it."""
    tags = dict(unsent.tags)
    # as a tag the name takes MLflow as long as all the others
    name = tags.pop(MLFLOW_RUN_NAME, None)
    log_all(store, run_id, unsent.metrics, unsent.params, tags)
    if unsent.texts:
        send_texts(store, run_id, unsent.texts)
    end_named(store, run_id, unsent.status, unsent.ended, name)


def _send(store: Store, run_id: str, folder: Path) -> None:
    fields: dict[str, Any] = json.loads((folder / _UNSENT).read_text(encoding="utf-8"))
    if (folder / MODEL / "MLmodel").is_file():
        description = Model.load(str(folder / MODEL))
        if description.model_id is None:  # the store was away
            description.model_id = _created_model(store, run_id, folder).model_id
            description.save(str(folder / MODEL / "MLmodel"))
        # another sweep may have removed it, since better ones have come
        if model_of_id(store, description.model_id) is not None:
            send_model(store, description.model_id, folder / MODEL)
    fields["metrics"] = [Metric(*metric) for metric in fields["metrics"]]
    send_unsent(store, run_id, UnsentRun(**fields))


def _created_model(store: Store, run_id: str, folder: Path) -> LoggedModel:
    params = json.loads((folder / PARAMS).read_text(encoding="utf-8"))
    return find_model(store, run_id) or store.client.create_logged_model(
        store.experiment_id, model_name(store, run_id), run_id, params=params
    )


@contextlib.contextmanager
def _locked_folder(store: Store, run_id: str) -> Iterator[Path]:
    """A run's folder, locked for this process.

    Raises:
        _Busy: another process has locked it, or has sent it.
    """
    assert store.spool is not None
    folder = store.spool / run_id
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise _Busy from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _Busy from None
        if not folder.exists():  # sent before the lock was acquired
            raise _Busy
        yield folder
    finally:
        os.close(descriptor)
