"""Keras models in MLflow: logged to a run, registered, and downloaded."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.keras
import mlflow.pyfunc  # MLflow would import it during the first trial (0.1 s)
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel
from mlflow.models import Model, infer_signature
from mlflow.utils import environment

from tracking import raw_rows
from tracking.errors import TrackingError
from tracking.model_place import ModelPlace
from tracking.spool import MODEL, find_model
from tracking.store import KERAS_FILE, SHA256, Store

CHAMPION = "champion"
#: the folder of a model with the code by which MLflow loads it
_CODE = "code"


class AlteredModel(TrackingError):
    """A logged model's file has changed since it was logged."""


def write_model(place: ModelPlace, model: Any, example: Any, output: Any) -> dict[str, str]:
    """Write a Keras model with signature and input example.

    `mlflow.keras.log_model` infers requirements by running the model in a subprocess (7 s). Here they are the
    installed versions, and the signature follows from the two examples.

    Args:
        model: a built `keras.Model`.
        example: a few rows of input, an array (n, …) or a dict of arrays; None: neither signature nor example.
        output: the model's predictions for these rows, an array (n, …) or a dict of arrays.

    Returns:
        Tags for the run: `model_uri`, and `model_sha256` of the `.keras` file, which `fetch_keras_file` verifies.

    Raises:
        OSError: the model cannot be written; the error names the path.
    """
    folder = place.folder / MODEL
    try:
        folder.mkdir()
        save_model(folder, model, example, output, Model(run_id=place.run_id, model_id=place.model_id))
        digest = _sha256(folder / KERAS_FILE)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and not error.filename:
            raise OSError(error.errno, str(error), str(folder)) from error
        raise
    return {"model_uri": place.uri, SHA256: digest}


def save_model(folder: Path, model: Any, example: Any, output: Any, description: Model | None = None) -> None:
    """Write a model into an empty folder in the layout of MLflow's Keras flavor; see `write_model`."""
    description = description or Model()
    with _installed_versions():
        mlflow.keras.save_model(
            model,
            str(folder),
            mlflow_model=description,
            signature=None if example is None else infer_signature(example, output),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in ("keras", "tensorflow")],
        )
    columns = example.values() if isinstance(example, dict) else [example]
    if any(getattr(column, "dtype", None) is not None and column.dtype.kind in "OSU" for column in columns):
        (folder / _CODE).mkdir()
        shutil.copy(str(raw_rows.__file__), folder / _CODE)
        loader = {"loader_module": raw_rows.__name__.rpartition(".")[2], "code": _CODE}
        description.flavors["python_function"] |= loader
        description.save(str(folder / "MLmodel"))


@contextlib.contextmanager
def _installed_versions() -> Iterator[None]:
    """The requirements are the installed versions: MLflow need not compare them, for which it looks at every file of
    every package (1.5 s, once a process)."""
    check = environment.warn_dependency_requirement_mismatches
    environment.warn_dependency_requirement_mismatches = lambda model_requirements: None
    try:
        yield
    finally:
        environment.warn_dependency_requirement_mismatches = check


def fetch_keras_file(store: Store, model_uri: str, folder: Path) -> Path:
    """Download a logged model's `.keras` file to `folder/model.keras`; nothing is unpickled or executed.

    Args:
        model_uri: see `ModelPlace.uri`.

    Raises:
        AlteredModel: its SHA-256 differs from the one in its run.
        TrackingError: the model is still in the spool.
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


def register_champion(
    store: Store, name: str, model_uri: str, run_id: str, tags: Mapping[str, str], about: str = "", note: str = ""
) -> int:
    """Register a logged model under `name` with the alias `champion`; return its version.

    A model of this run that is registered already gets no second version.

    Args:
        about: the description of the registered model, in Markdown.
        note: the description of this version.
    """
    client = store.client
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    client.update_registered_model(name, about)
    logged = _logged(store, model_uri)
    versions = client.search_model_versions(f"name = '{name}'")
    # the location of the artifacts: `models:/…` would be looked up in the process's default store
    champion = next((entry for entry in versions if entry.run_id == run_id), None) or client.create_model_version(
        name, logged.artifact_location, run_id, tags=dict(tags), model_id=logged.model_id
    )
    client.update_model_version(name, champion.version, note)
    client.set_registered_model_alias(name, CHAMPION, champion.version)
    return int(champion.version)


def _logged(store: Store, model_uri: str) -> LoggedModel:
    """MLflow's entity of a model.

    Raises:
        TrackingError: the model is still in the spool.
    """
    if not model_uri.startswith("runs:/"):
        return store.client.get_logged_model(model_uri.removeprefix("models:/"))
    logged = find_model(store, model_uri.split("/")[1])
    if logged is None:
        raise TrackingError(f"{model_uri} was not sent to the store yet; a resume or sweeps doctor --fix sends it")
    return logged
