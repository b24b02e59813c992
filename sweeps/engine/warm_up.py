"""What a worker does before its first trial, so that this one is hardly slower than the next."""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np

from sweeps import dense_kernels
from sweeps.training import fit
from tracking.models import save_model
from tracking.new_database import create_database


def rehearse() -> None:
    """Train, call and save a model of no consequence: what TensorFlow and MLflow put off until they are first
    used (0.8 s) is done before the first trial, and once a machine the kernels of dense layers are compiled."""
    if dense_kernels.compilation_is_due():
        dense_kernels.compile_ahead()
    inputs = keras.Input((4,), dtype="uint8")
    hidden = keras.layers.Dense(2, activation="relu")(keras.layers.Rescaling(0.5)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.zeros((40, 4), "uint8"), np.zeros(40, "int32")
    # by the kernels; a graph is traced by the trials that need one
    fit(model, x, y, validation_data=(x, y), epochs=2, verbose=0, seed=0)
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        save_model(Path(folder), model, x[:3], model(x[:3]).numpy())
    keras.utils.clear_session()


if __name__ == "__main__":  # after an installation: what is made once a machine, the first sweep need not wait for
    rehearse()
    with tempfile.TemporaryDirectory() as folder:
        create_database(Path(folder) / "mlflow.db")
