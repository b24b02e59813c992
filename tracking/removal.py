"""Models and runs that are removed from a store, with their files, so that the disk has the room again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from pathlib import Path

from mlflow.entities import LoggedModel, Run, ViewType
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from tracking.moving import local_path
from tracking.rebuilding import database_of
from tracking.spool import find_model, is_unsent, model_of_id
from tracking.store import Store, pages


def remove_model(store: Store, model_uri: str) -> None:
    """Remove a logged model: its files first, so that a call which was cut short leaves a model that is found again.

    Where the store's server keeps the files, they may stay until its `mlflow gc`. A model that is not there is no
    error.

    Args:
        model_uri: `models:/m-…`, or `runs:/RUN_ID/model`.
    """
    model = _model(store, model_uri)
    if model is not None:
        _remove(store, model)


def is_waiting(store: Store, model_uri: str) -> bool:
    """Whether a logged model is still to be sent from this machine."""
    run_id = _run_of(model_uri)
    return run_id is not None and is_unsent(store, run_id)


def model_bytes(store: Store, model_uri: str) -> int:
    """The size of a logged model's files; 0 where they are not on this machine."""
    model = _model(store, model_uri)
    folder = local_path(model.artifact_location) if model is not None else None
    return folder_bytes(folder) if folder is not None else 0


def folder_bytes(folder: Path) -> int:
    """The size of all files of a folder, or of a file."""
    files = [folder] if folder.is_file() else folder.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def registered_uris(store: Store) -> frozenset[str]:
    """The URIs of the logged models that are versions of registered models, also of those that were logged while the
    store was away: whoever serves these needs their files."""
    versions = list(pages(lambda token: store.client.search_model_versions(page_token=token)))
    logged = {f"models:/{model}" for model in map(_logged_id, versions) if model}
    return frozenset(logged | {f"runs:/{version.run_id}/model" for version in versions if version.run_id})


def remove_runs(store: Store, parents: Collection[str] | None) -> int:
    """Remove runs with their models and artifacts, and the experiment if it has no other runs then.

    A database forgets them; on a tracking server they are in MLflow's lifecycle stage `deleted`, and the experiment
    gives its name away. The files of registered models stay. A call that was cut short is finished by another.

    Args:
        parents: the ids of the sweeps' runs, removed with their child runs; None: all runs of the experiment.

    Returns:
        The number of runs.
    """
    client, database = store.client, database_of(store)
    runs = [run for run in _runs(store) if parents is None or {_parent(run), run.info.run_id} & set(parents)]
    own, registered = {str(run.info.run_id) for run in runs}, registered_uris(store)
    for model in pages(lambda token: client.search_logged_models([store.experiment_id], page_token=token)):
        if (parents is None or str(model.source_run_id) in own) and f"models:/{model.model_id}" not in registered:
            _remove(store, model)
    for run in runs:
        if run.info.lifecycle_stage != "deleted":
            client.delete_run(run.info.run_id)
        if database is not None:
            _remove_files(store, run.info.artifact_uri)
            database._hard_delete_run(run.info.run_id)
    if len(_runs(store)) == (0 if database is not None else len(runs)):
        _remove_experiment(store)
    return len(runs)


def _remove_experiment(store: Store) -> None:
    client, database = store.client, database_of(store)
    experiment = client.get_experiment(store.experiment_id)
    if experiment.lifecycle_stage != "deleted":
        if database is None:
            client.rename_experiment(store.experiment_id, f"{experiment.name} deleted {time.time():.0f}")
        client.delete_experiment(store.experiment_id)
    if database is not None:
        database._hard_delete_experiment(store.experiment_id)
    folder = local_path(experiment.artifact_location)
    if folder is not None and folder.is_dir():
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Remove the folders of a folder that hold nothing, and it itself: files of registered models may be left."""
    for inner in sorted((path for path in folder.rglob("*") if path.is_dir()), reverse=True):
        if not any(inner.iterdir()):
            inner.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()


def _runs(store: Store) -> list[Run]:
    """All runs of the experiment, those in the lifecycle stage `deleted` among them."""
    return list(
        pages(lambda token: store.client.search_runs([store.experiment_id], "", ViewType.ALL, 1000, None, token))
    )


def _parent(run: Run) -> str | None:
    parent: str | None = run.data.tags.get(MLFLOW_PARENT_RUN_ID)
    return parent


def _model(store: Store, model_uri: str) -> LoggedModel | None:
    run_id = _run_of(model_uri)
    return model_of_id(store, model_uri.removeprefix("models:/")) if run_id is None else find_model(store, run_id)


def _run_of(model_uri: str) -> str | None:
    """The id of the run that a URI names a model by; None where it names the model itself."""
    kind, _, path = model_uri.partition(":/")
    return path.split("/")[0] if kind == "runs" else None


def _remove(store: Store, model: LoggedModel) -> None:
    _remove_files(store, model.artifact_location)
    folder = local_path(model.artifact_location)
    if (
        folder is not None
        and folder.name == "artifacts"
        and folder.parent.is_dir()
        and not any(folder.parent.iterdir())
    ):
        folder.parent.rmdir()
    store.client.delete_logged_model(model.model_id)


def _remove_files(store: Store, location: str) -> None:
    folder = local_path(location)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=not folder.exists())
        return
    try:
        get_artifact_repository(location, tracking_uri=store.uri).delete_artifacts()
    except (MlflowException, NotImplementedError):
        return  # not every kind of server deletes: it stays until `mlflow gc`


def _logged_id(version: ModelVersion) -> str | None:
    """The id of the logged model that a version is of."""
    if version.model_id:
        return str(version.model_id)
    parts = str(version.source).split("/")
    return next((part for part in parts if part.startswith("m-")), None)
