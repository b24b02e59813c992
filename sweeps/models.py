"""Logged models, back in memory."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps import workspace
from sweeps.errors import BackendUnreachable, CorruptStore
from sweeps.keras_file import load_keras_file
from tracking import Damaged, Store, TrackingError, answering, find_store

if TYPE_CHECKING:
    from sweeps.plan import Space


@contextlib.contextmanager
def in_reach() -> Iterator[None]:
    """Turns what a tracking store raises that does not answer, or not as it should, into a `BackendUnreachable`, and
    what is damaged into a `CorruptStore`."""
    try:
        with answering():
            yield
    except Damaged as error:
        raise CorruptStore(f"the MLflow store is damaged: {error}") from None
    except TrackingError as error:
        raise BackendUnreachable(f"the MLflow store does not answer as it should: {error}") from None


def store_of(study: str) -> Store:
    """The MLflow store with the study's experiment.

    Raises:
        BackendUnreachable: there is none, or it does not answer.
    """
    with in_reach():
        store = find_store(workspace.tracking_uri(), study, workspace.spool(study))
    if store is None:
        raise BackendUnreachable(f"the MLflow store {workspace.tracking_uri()} has no experiment {study!r}")
    return store


def load_logged(study: str, model_uri: str, space: str | Space | None = None) -> Any:
    """A logged `keras.Model`; see `load_keras_file`.

    Raises:
        BackendUnreachable: the record is not there.
        CorruptStore: the model is not what was logged.
        InputError: see `load_keras_file`.
    """
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        model = load_keras_file(fetch(store_of(study), model_uri, Path(folder)), study, space)
    if not model.compiled:
        warnings.warn(
            "the model was loaded without its loss, metrics and optimizer, which are not in reach here; "
            "it predicts, and model.compile(…) lets it train and evaluate",
            stacklevel=3,
        )
    return model


def fetch(store: Store, model_uri: str, folder: Path) -> Path:
    """The logged model as `folder/model.keras`.

    Raises:
        BackendUnreachable: the store does not answer.
        CorruptStore: the model is not what was logged.
    """
    from tracking.models import AlteredModel, fetch_keras_file

    try:
        with answering():
            return fetch_keras_file(store, model_uri, folder)
    except AlteredModel as error:
        raise CorruptStore(str(error)) from None
    except TrackingError as error:
        raise BackendUnreachable(f"the MLflow store does not answer as it should: {error}") from None
