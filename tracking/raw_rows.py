"""How MLflow loads a Keras model that takes text: Keras takes it as tensors alone.

This file is copied into such a model, so that `mlflow models serve` needs nothing of this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RawRows:
    """A model with the interface of MLflow's `python_function` flavor.

    Args:
        model: the `keras.Model`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, rows: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The predictions for an array (n, …), or for columns by name, each an array (n, 1).

        Args:
            params: none are used.
        """
        import tensorflow as tf

        columns = {name: tf.constant(rows[name]) for name in rows} if isinstance(rows, dict) else tf.constant(rows)
        return self.model.predict(columns, verbose=0)


def _load_pyfunc(path: str) -> RawRows:
    """Load a model; MLflow calls this with the folder of its files."""
    from mlflow.keras import _load_pyfunc as load_keras

    return RawRows(load_keras(path).get_raw_model())
