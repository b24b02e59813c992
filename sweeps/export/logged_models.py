"""Loading of models that were logged to MLflow."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.errors import BackendUnreachable, CorruptStore
from sweeps.export.keras_file import load_keras_file
from sweeps.study.record import store_of
from tracking import Store, TrackingError, translate_errors

if TYPE_CHECKING:
    from sweeps.space.reference import Space


def load_logged(study: str, model_uri: str, space: str | Space | None = None) -> Any:
    """Load a logged model as a `keras.Model`.

    Args:
        space: see `load_keras_file`.

    Raises:
        BackendUnreachable: the MLflow store or the study's experiment cannot be reached.
        CorruptStore: the model's file has changed since it was logged.
        InputError: see `load_keras_file`.
    """
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        model = load_keras_file(fetch(store_of(study), model_uri, Path(folder)), study, space)
    if not model.compiled:
        warnings.warn(
            "the model was loaded without loss, metrics and optimizer, which cannot be restored here; "
            "it can predict; call model.compile(…) to train or evaluate it",
            stacklevel=3,
        )
    return model


def fetch(store: Store, model_uri: str, folder: Path) -> Path:
    """Download a logged model to `folder/model.keras`.

    Raises:
        BackendUnreachable: the store cannot be reached.
        CorruptStore: the model's file has changed since it was logged.
    """
    from tracking.models import AlteredModel, fetch_keras_file

    try:
        with translate_errors():
            return fetch_keras_file(store, model_uri, folder)
    except AlteredModel as error:
        raise CorruptStore(str(error)) from None
    except TrackingError as error:
        raise BackendUnreachable(f"the MLflow store does not answer as it should: {error}") from None
