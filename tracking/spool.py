"""What the store did not take while it was away: kept in a folder a run, sent later.

    SPOOL/RUN_ID/model/       a saved model, while it is written and until the store has it
    SPOOL/RUN_ID/rest.json    metrics with their times, parameters, tags, texts and the end of a run that is over

All of it may be sent twice, when the process that sends it dies in between, and counts once.
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
from mlflow.models import Model

from tracking.answers import Refused, StoreUnavailable, answering
from tracking.store import Store, log_all

#: inside of a run's folder
MODEL, PARAMS, _REST = "model", "model_params.json", "rest.json"


@dataclass(frozen=True)
class Rest:
    """What is still to be sent of a run that has ended.

    Attributes:
        texts: by artifact file.
        ended: milliseconds since the epoch.
    """

    metrics: Sequence[Metric]
    params: Mapping[str, object]
    tags: Mapping[str, str]
    texts: Mapping[str, str]
    status: str
    ended: int


class _Taken(Exception):
    """Another process is at a run's folder, or has sent it."""


def keep(store: Store, run_id: str, rest: Rest) -> None:
    """Keep what the store did not take.

    Raises:
        StoreUnavailable: there is no spool to keep it in.
        OSError: the spool cannot be written.
    """
    if store.spool is None:
        raise StoreUnavailable(f"the tracking store did not take the end of run {run_id}, and there is no spool for it")
    folder = store.spool / run_id
    folder.mkdir(parents=True, exist_ok=True)
    metrics = [(one.key, one.value, one.timestamp, one.step) for one in rest.metrics]
    params = {key: str(value) for key, value in rest.params.items()}
    write_json(folder / _REST, asdict(rest) | {"metrics": metrics, "params": params})


def waiting(store: Store) -> list[str]:
    """The runs that the store has not got all of, though their processes are done with them."""
    return sorted(path.parent.name for path in store.spool.glob(f"*/{_REST}")) if store.spool else []


def abandoned(store: Store) -> list[Path]:
    """Folders of runs whose processes were not done with them; where none is running, these are left over."""
    folders = sorted(store.spool.glob("*")) if store.spool else []
    return [folder for folder in folders if not (folder / _REST).is_file()]


def deliver(store: Store) -> None:
    """Send what waits.

    Raises:
        StoreUnavailable: the store is away again; what it has not taken goes on waiting.
    """
    for run_id in waiting(store):
        with contextlib.suppress(Refused):  # for good, say of a run that was deleted: the doctor's
            send(store, run_id)


def send(store: Store, run_id: str) -> None:
    """Send what waits of one run, unless another process is at it.

    Raises:
        StoreUnavailable: the store is away.
        Refused: it does not take this.
    """
    with contextlib.suppress(_Taken), _claimed(store, run_id) as folder, answering():
        _send(store, run_id, folder)
        shutil.rmtree(folder)


def model_of(store: Store, run_id: str) -> LoggedModel | None:
    """The logged model of a run."""
    found = store.client.search_logged_models([store.experiment_id], f"source_run_id = '{run_id}'", max_results=1)
    return found[0] if found else None


def send_model(store: Store, logged: LoggedModel, folder: Path) -> None:
    """Upload a saved model."""
    store.client.log_model_artifacts(logged.model_id, str(folder))
    store.client.finalize_logged_model(logged.model_id, "READY")


def send_texts(store: Store, run_id: str, texts: Mapping[str, str]) -> None:
    """Upload texts, by the names of their files, in one call."""
    with tempfile.TemporaryDirectory(prefix="sweeps-texts-") as folder:
        for file, text in texts.items():
            (Path(folder) / file).write_text(text, encoding="utf-8")
        store.client.log_artifacts(run_id, folder)


def write_json(path: Path, document: object) -> None:
    """Write the whole or nothing.

    Raises:
        OSError: it cannot be written; the path is named.
    """
    made = path.with_name(f".{path.name}")
    try:
        with made.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def _send(store: Store, run_id: str, folder: Path) -> None:
    rest: dict[str, Any] = json.loads((folder / _REST).read_text(encoding="utf-8"))
    log_all(store, run_id, [Metric(*one) for one in rest["metrics"]], rest["params"], rest["tags"])
    if rest["texts"]:
        send_texts(store, run_id, rest["texts"])
    if (folder / MODEL / "MLmodel").is_file():
        params = json.loads((folder / PARAMS).read_text(encoding="utf-8"))
        logged = model_of(store, run_id) or store.client.create_logged_model(
            store.experiment_id, "model", run_id, params=params
        )
        description = Model.load(str(folder / MODEL))
        description.model_id = logged.model_id
        description.save(str(folder / MODEL / "MLmodel"))
        send_model(store, logged, folder / MODEL)
    store.client.set_terminated(run_id, rest["status"], rest["ended"])


@contextlib.contextmanager
def _claimed(store: Store, run_id: str) -> Iterator[Path]:
    """The run's folder, for this process alone.

    Raises:
        _Taken: another process is at it, or has sent it.
    """
    assert store.spool is not None
    folder = store.spool / run_id
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise _Taken from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _Taken from None
        if not folder.exists():  # sent between the two
            raise _Taken
        yield folder
    finally:
        os.close(descriptor)
