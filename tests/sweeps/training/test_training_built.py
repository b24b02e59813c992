"""A model that is built by its training takes any number of rows, as after Keras's own `fit`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.training import fit

X = np.random.default_rng(0).random((50, 4, 4, 1)).astype("float32")
Y = np.arange(50) % 2


def sequential() -> Any:
    layers = keras.layers
    return keras.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, activation="softmax")])


@keras.saving.register_keras_serializable("built")
class Own(keras.Model):  # type: ignore[misc]
    """Holds a Sequential without an Input layer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = sequential()

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def functional() -> Any:
    inputs = keras.Input((4, 4, 1))
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(inputs)))


def dense() -> Any:  # by the kernels
    layers = keras.layers
    return keras.Sequential([layers.Flatten(), layers.Dense(3, activation="relu"), layers.Dense(2, "softmax")])


@pytest.mark.parametrize("make", [sequential, dense, Own, functional])
def test_a_saved_model_takes_any_number_of_rows(make: Callable[[], Any], tmp_path: Path) -> None:
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, X, Y, epochs=1, verbose=0, seed=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (model, loaded):
        assert getattr(one, "inner", one).input_shape == (None, 4, 4, 1)
        assert (one.get_build_config() or {}).get("input_shape") in (None, (None, 4, 4, 1), [None, 4, 4, 1])
    if make is not Own:  # of which an export is told what it takes
        loaded.export(tmp_path / "served", format="tf_saved_model", verbose=False)
        served = tf.saved_model.load(str(tmp_path / "served"))
        for rows in (1, 7, 50):
            expected = model.predict(X[:rows], verbose=0)
            np.testing.assert_allclose(served.serve(X[:rows]).numpy(), expected, atol=1e-6)
            np.testing.assert_allclose(loaded.predict(X[:rows], verbose=0), expected, atol=1e-6)
