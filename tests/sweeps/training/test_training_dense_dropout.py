"""Dropout is computed by the kernels, with the random numbers that TensorFlow draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.dense_kernels import supported
from sweeps.dense_kernels.dropout import draw, thresholds
from sweeps.dense_kernels.reference import dropout_factors
from sweeps.training import fit

from .conftest import Data, assert_same_training, classifier

pytestmark = pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 7, 2**31 - 3, 2**31 + 5])
def test_a_seed_gives_the_numbers_that_it_gives_to_keras(rate: float, seed: int) -> None:
    layer, shape = keras.layers.Dropout(rate, seed=seed), (5, 7)
    state = layer.seed_generator.state.numpy().astype(np.int64)
    threshold = thresholds(np.array([rate], np.float32))[0]
    factors = np.empty(38, np.float32)
    for call in range(3):
        expected = keras.ops.convert_to_numpy(layer(tf.ones(shape), training=True))
        draw(state, call, threshold, np.float32(1 / (1 - rate)), 35, factors)
        np.testing.assert_array_equal(factors[:35].reshape(shape), expected)
        np.testing.assert_allclose(dropout_factors(state, call, rate, shape), expected, rtol=1e-6)


def _layers(*rates: float, activation: str = "relu") -> Callable[[], list[Any]]:
    def make() -> list[Any]:
        made: list[Any] = []
        for rate in rates:
            made += [keras.layers.Dense(20, activation), keras.layers.Dropout(rate)]
        return made

    return make


@pytest.mark.parametrize(("optimizer", "activation"), [("sgd", "relu"), ("adam", "gelu")])
def test_dropout_ends_where_keras_does(activation: str, optimizer: str, data: Data) -> None:
    def make() -> Any:
        return classifier(optimizer, hidden=_layers(0.3, 0.0, 0.5, activation=activation))

    assert_same_training(make, data.x, data.labels, epochs=3, jit="kernels")
    assert fit(make(), data.x, data.labels, verbose=0).by_kernels


def test_the_layers_states_are_where_keras_would_have_them(data: Data) -> None:
    ours, theirs = (classifier(hidden=_layers(0.3)) for _ in range(2))
    fit(ours, data.x, data.labels, batch_size=8, epochs=2, verbose=0)
    theirs.fit(data.x, data.labels, batch_size=8, epochs=2, verbose=0)
    states = [model.layers[1].seed_generator.state.numpy()[1] for model in (ours, theirs)]
    assert states[0] == states[1] > 0


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [keras.layers.Dropout(0.5), keras.layers.Dense(4)],
        lambda: [keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)],
        lambda: [keras.layers.Dense(4), keras.layers.Dropout(0.5, noise_shape=(None, 1))],
        lambda: [keras.layers.Dense(4), keras.layers.GaussianDropout(0.5)],
    ],
)
def test_other_noise_is_left_to_a_graph(layers: Any, data: Data) -> None:
    assert not fit(classifier(hidden=layers), data.x, data.labels, verbose=0).by_kernels
