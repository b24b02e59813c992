"""Logged models, back in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sweeps import workspace
from sweeps.errors import BackendUnreachable
from sweeps.keras_file import load_keras_file
from tracking import Store, find_store


def store_of(study: str) -> Store:
    """The MLflow store with the study's experiment.

    Raises:
        BackendUnreachable: there is none.
    """
    store = find_store(workspace.tracking_uri(), study)
    if store is None:
        raise BackendUnreachable(f"the MLflow store {workspace.tracking_uri()} has no experiment {study!r}")
    return store


def load_logged(study: str, model_uri: str) -> Any:
    """A logged `keras.Model`, loaded in Keras's safe mode.

    Raises:
        BackendUnreachable: the record is not there.
        InputError: see `load_keras_file`.
    """
    from tracking.models import fetch_keras_file

    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        return load_keras_file(fetch_keras_file(store_of(study), model_uri, Path(folder)), study)
