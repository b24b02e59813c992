"""Keras models in MLflow: logged to a run in well under a second, registered, fetched back as files."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.keras

# MLflow puts these off until its first call, which would be a trial's (0.7 s)
import mlflow.store.db.utils
import mlflow.store.model_registry.sqlalchemy_store
import mlflow.store.tracking.sqlalchemy_store
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel
from mlflow.models import Model, infer_signature

from tracking.answers import StoreUnavailable, TrackingError, answering
from tracking.names import safe_name
from tracking.spool import MODEL, PARAMS, model_of, send_model, write_json
from tracking.store import KERAS_FILE, SHA256, Store

CHAMPION = "champion"


class AlteredModel(TrackingError):
    """A logged model is not what was logged."""


def log_model(
    store: Store, run_id: str, model: Any, example: Any, output: Any, params: Mapping[str, object]
) -> dict[str, str]:
    """Log a Keras model with signature and input example; where the store is away and has a spool, the model waits
    in there.

    Unlike `mlflow.keras.log_model` this infers nothing by running the model in a subprocess (7 s):
    the requirements are the versions installed here, the signature follows from the two examples.

    Args:
        model: a built `keras.Model`.
        example: a few rows of input, as arrays (n, …) or a dict of them; None: neither signature nor example.
        output: what the model gives for as many rows, as an array or a dict of them.
        params: kept with the logged model, as text.

    Returns:
        Tags for its run: `model_uri`, which is `models:/m-…`, or `runs:/RUN_ID/model` of a model that waits, and
        `model_sha256`, of the `.keras` file, which `fetch_keras_file` looks for there. They are not sent here: the
        run's next call takes them along.

    Raises:
        StoreUnavailable: the store is away and has no spool.
        OSError: the model cannot be written; the path is named.
    """
    texts = {safe_name(key): str(value) for key, value in params.items()}
    logged = None
    with contextlib.suppress(StoreUnavailable), answering():
        logged = store.client.create_logged_model(store.experiment_id, "model", run_id, params=texts)
    place = store.spool / run_id if store.spool else Path(tempfile.mkdtemp(prefix="sweeps-model-"))
    try:
        (place / MODEL).mkdir(parents=True)
        description = Model(run_id=run_id, model_id=logged.model_id if logged else None)
        save_model(place / MODEL, model, example, output, description)
        digest = _sha256(place / MODEL / KERAS_FILE)
        with answering():
            if logged is None:
                raise StoreUnavailable(f"the model of run {run_id} waits for the store")
            send_model(store, logged, place / MODEL)
    except StoreUnavailable:
        if store.spool is None:
            shutil.rmtree(place)
            raise
        write_json(place / PARAMS, texts)
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OSError) and not error.filename:
            raise OSError(error.errno, str(error), str(place)) from error
        raise
    else:
        shutil.rmtree(place)
    return {"model_uri": str(logged.model_uri) if logged else f"runs:/{run_id}/model", SHA256: digest}


def save_model(folder: Path, model: Any, example: Any, output: Any, description: Model | None = None) -> None:
    """Write the model into an empty folder, as MLflow's Keras flavor lays it out; see `log_model`."""
    mlflow.keras.save_model(
        model,
        str(folder),
        mlflow_model=description or Model(),
        signature=None if example is None else infer_signature(example, output),
        input_example=example,
        pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow")],
    )


def fetch_keras_file(store: Store, model_uri: str, folder: Path) -> Path:
    """The logged model's `.keras` file, downloaded to `folder/model.keras`; nothing is unpickled or run.

    Args:
        model_uri: as `log_model` gave it.

    Raises:
        AlteredModel: its SHA-256 is not the one that its run remembers.
    """
    logged = _logged(store, model_uri)
    uri = f"{logged.artifact_location}/{KERAS_FILE}"
    file = Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=store.uri))
    expected = store.client.get_run(logged.source_run_id).data.tags.get(SHA256)
    if _sha256(file) != expected:
        file.unlink()
        raise AlteredModel(f"{uri} is not what was logged (its SHA-256 differs from the one in its run)")
    return file


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def register_champion(store: Store, name: str, model_uri: str, run_id: str, tags: Mapping[str, str]) -> int:
    """Register the logged model under `name`, give it the alias `champion`, and return its version.

    A model that is the champion already is not registered again.
    """
    client = store.client
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    logged = _logged(store, model_uri)
    same = [found for found in client.search_model_versions(f"name = '{name}'") if found.run_id == run_id]
    # the artifacts' own address: `models:/…` would be looked up in the process's default store
    made = (
        same[0]
        if same
        else client.create_model_version(
            name, logged.artifact_location, run_id, tags=dict(tags), model_id=logged.model_id
        )
    )
    client.set_registered_model_alias(name, CHAMPION, made.version)
    return int(made.version)


def _logged(store: Store, model_uri: str) -> LoggedModel:
    """Raises:
    TrackingError: the model is still in the spool.
    """
    if not model_uri.startswith("runs:/"):
        return store.client.get_logged_model(model_uri.removeprefix("models:/"))
    found = model_of(store, model_uri.split("/")[1])
    if found is None:
        raise TrackingError(f"{model_uri} was not sent to the store yet; a resume or sweeps doctor --fix sends it")
    return found
