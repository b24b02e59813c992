"""What follows a dense layer in a chain is computed by the kernels: normalization, activation layers, no bias."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras.layers import Activation, BatchNormalization, Dense, Dropout, ReLU

from sweeps.dense_kernels import supported
from sweeps.dense_kernels.llvm import LANES
from sweeps.training import fit

from .conftest import SEED, Data, assert_same_training, classifier

pytestmark = pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")

Layers = Callable[[], list[Any]]


def batch_norm(**options: Any) -> Any:
    """A BatchNormalization with other numbers than its defaults."""
    return BatchNormalization(
        momentum=0.8, epsilon=0.01, gamma_initializer="random_normal", beta_initializer="random_normal", **options
    )


@pytest.mark.parametrize(
    ("optimizer", "layers"),
    [
        (
            lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
            lambda: [Dense(20, use_bias=False), batch_norm(), Activation("relu"), Dropout(0.3)],
        ),
        (
            lambda: keras.optimizers.SGD(0.05, momentum=0.9),
            lambda: [Dense(LANES), batch_norm(), ReLU(), Dense(9, "silu")],
        ),
        (
            # by the default epsilon, 1e-7, Keras ends 1e-4 from itself with weights that differ in their last bit
            lambda: keras.optimizers.Adam(0.01, epsilon=1e-4),
            lambda: [Dense(20, "relu"), batch_norm(), Dropout(0.3), Dense(9, use_bias=False), batch_norm(axis=1)],
        ),
        (
            lambda: keras.optimizers.SGD(0.05),
            lambda: [Dense(20), Activation("tanh"), batch_norm(), Dense(9), BatchNormalization()],
        ),
    ],
)
@pytest.mark.parametrize("batch_size", [8, 10])
def test_normalized_layers_end_where_keras_does(
    optimizer: Callable[[], Any], layers: Layers, batch_size: int, data: Data
) -> None:
    """The last batch has 5 rows, or a single one. The gradient of a bias before a normalization is nothing but rounding
    errors, which Adam takes for as much as any other: such layers have none here under Adam."""

    def make() -> Any:
        return classifier(optimizer(), hidden=layers)

    validation = data.x[:40] + 1, data.labels[:40]
    assert_same_training(
        make, data.x, data.labels, epochs=3, batch_size=batch_size, validation_data=validation,
        sample_weight=data.binary + 0.5, jit="kernels",
    )  # fmt: skip


def test_the_moving_statistics_are_read_and_written_between_epochs(data: Data) -> None:
    class Resets(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            norm = self.model.layers[1]
            seen.append(norm.moving_mean.numpy())
            norm.moving_mean.assign(norm.moving_mean * 0.5)

    seen: list[Any] = []
    ways = []
    for jit in ("auto", False):
        model = classifier(hidden=lambda: [Dense(8), batch_norm(), ReLU()])
        history = fit(model, data.x, data.labels, epochs=3, verbose=0, seed=SEED, callbacks=[Resets()], jit=jit)
        assert history.by_kernels is (jit == "auto")
        ways.append(model.get_weights())
    for one, other in zip(*ways, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert not np.allclose(seen[0], seen[1])


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Dense(8, "relu", use_bias=False)],
        lambda: [Dense(8), Activation("tanh"), Dropout(0.0)],
        lambda: [Dense(8), ReLU(), Dropout(0.0), Dropout(0.2)],
        lambda: [Dense(8, use_bias=False), keras.layers.ELU()],
    ],
)
def test_layers_of_their_own_end_where_keras_does(layers: Layers, data: Data) -> None:
    def make() -> Any:
        return classifier("adam", hidden=layers)

    assert_same_training(make, data.x, data.labels, jit="kernels")


@pytest.mark.parametrize(
    ("activation", "units", "loss"),
    [
        (lambda: Activation("softmax"), 3, "sparse_categorical_crossentropy"),
        (lambda: keras.layers.Softmax(), 3, "sparse_categorical_crossentropy"),
        (lambda: Activation("sigmoid"), 1, "binary_crossentropy"),
        (lambda: Activation("linear"), 1, "mse"),
    ],
)
def test_the_output_s_activation_may_be_a_layer(activation: Any, units: int, loss: str, data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        model = keras.Sequential([keras.Input((6,)), Dense(8, "relu"), Dense(units, use_bias=False), activation()])
        model.compile("sgd", loss)
        return model

    assert_same_training(make, data.x, data.labels if units == 3 else data.binary, jit="kernels")


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [BatchNormalization(), Dense(8)],
        lambda: [Dense(8), BatchNormalization(), BatchNormalization()],
        lambda: [Dense(8), Dropout(0.5), BatchNormalization()],
        lambda: [Dense(8), Dropout(0.5), Activation("relu")],
        lambda: [Dense(8), Dropout(0.5, activity_regularizer="l2")],
        lambda: [Dense(8), BatchNormalization(center=False)],
        lambda: [Dense(8), BatchNormalization(scale=False)],
        lambda: [Dense(8), BatchNormalization(renorm=True)],
        lambda: [Dense(8), BatchNormalization(synchronized=True)],
        lambda: [Dense(8), BatchNormalization(gamma_regularizer="l2")],
        lambda: [Dense(8), BatchNormalization(trainable=False)],
        lambda: [Dense(8), BatchNormalization(dtype="mixed_bfloat16")],
        lambda: [Dense(8, "relu"), BatchNormalization(), ReLU()],
        lambda: [Dense(8), ReLU(negative_slope=0.1)],
        lambda: [Dense(8), Activation(lambda x: x)],
        lambda: [Dense(8), keras.layers.LayerNormalization()],
    ],
)
def test_other_layers_are_left_to_a_graph(layers: Layers, data: Data) -> None:
    model = classifier(hidden=lambda: [*layers(), Dense(4)])
    assert not fit(model, data.x, data.labels, verbose=0).by_kernels


def test_a_normalized_output_is_left_to_a_graph(data: Data) -> None:
    model = keras.Sequential([keras.Input((6,)), Dense(3), BatchNormalization(), Activation("softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert not fit(model, data.x, data.labels, verbose=0).by_kernels
