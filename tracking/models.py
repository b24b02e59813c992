"""Keras models in MLflow: logged to a run in well under a second, registered, fetched back as files."""

from __future__ import annotations

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
from mlflow.models import Model, infer_signature

from tracking.store import Store

#: where MLflow's Keras flavor keeps the model inside of a logged model
KERAS_FILE = "data/model.keras"
CHAMPION = "champion"


def log_model(store: Store, run_id: str, model: Any, example: Any, output: Any, params: Mapping[str, object]) -> str:
    """Log a Keras model with signature and input example, and give its `models:/m-…` URI.

    Unlike `mlflow.keras.log_model` this infers nothing by running the model in a subprocess (7 s):
    the requirements are the versions installed here, the signature follows from the two examples.

    Args:
        model: a built `keras.Model`.
        example: a few rows of raw input, as arrays (n, …) or a dict of them.
        output: what the model gives for as many rows, as an array or a dict of them.
        params: kept with the logged model, as text.
    """
    client = store.client
    logged = client.create_logged_model(
        store.experiment_id, "model", run_id, params={key: str(value) for key, value in params.items()}
    )
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        save_model(Path(folder), model, example, output, Model(run_id=run_id, model_id=logged.model_id))
        client.log_model_artifacts(logged.model_id, folder)
    client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_uri)


def save_model(folder: Path, model: Any, example: Any, output: Any, description: Model | None = None) -> None:
    """Write the model into an empty folder, as MLflow's Keras flavor lays it out; see `log_model`."""
    mlflow.keras.save_model(
        model,
        str(folder),
        mlflow_model=description or Model(),
        signature=infer_signature(example, output),
        input_example=example,
        pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow")],
    )


def fetch_keras_file(store: Store, model_uri: str, folder: Path) -> Path:
    """The logged model's `.keras` file, downloaded to `folder/model.keras`; nothing is unpickled or run.

    Args:
        model_uri: as `log_model` gave it.
    """
    logged = store.client.get_logged_model(model_uri.removeprefix("models:/"))
    uri = f"{logged.artifact_location}/{KERAS_FILE}"
    return Path(download_artifacts(uri, dst_path=str(folder), tracking_uri=store.uri))


def register_champion(store: Store, name: str, model_uri: str, run_id: str, tags: Mapping[str, str]) -> int:
    """Register the logged model under `name`, give it the alias `champion`, and return its version.

    A model that is the champion already is not registered again.
    """
    client = store.client
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    logged = client.get_logged_model(model_uri.removeprefix("models:/"))
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
