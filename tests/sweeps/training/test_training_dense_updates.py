"""The kernels' optimizers and smoothed labels end where Keras's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import pytest

from sweeps.dense_kernels import supported

from .conftest import SEED, Data, assert_same_training, classifier

pytestmark = pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Nadam(0.01, weight_decay=0.1, epsilon=1e-3),
        lambda: keras.optimizers.RMSprop(0.01, rho=0.8, weight_decay=0.1),
        lambda: keras.optimizers.RMSprop(0.01, momentum=0.7),
        lambda: keras.optimizers.Adagrad(0.05),
    ],
)
def test_optimizers_end_where_keras_s_do(optimizer: Callable[[], Any], data: Data) -> None:
    def make() -> Any:
        return classifier(optimizer(), hidden=lambda: [keras.layers.Dense(9, "tanh")])

    assert_same_training(make, data.x, data.labels, epochs=3, jit="kernels")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_squares_of_kernels_are_part_of_the_loss(optimizer: str, data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        layers = [keras.layers.Dense(units, "relu", kernel_regularizer="l2") for units in (20, 9)]
        output = keras.layers.Dense(3, "softmax", kernel_regularizer=keras.regularizers.L2(0.2))
        model = keras.Sequential([keras.Input((6,)), *layers, output])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], loss_weights=[0.5])
        return model

    validation = data.x[:40] + 1, data.labels[:40]
    assert_same_training(make, data.x, data.labels, validation_data=validation, jit="kernels")


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("softmax", keras.losses.CategoricalCrossentropy), ("sigmoid", keras.losses.BinaryCrossentropy)],
)
def test_smoothed_labels_end_where_keras_s_do(activation: str, loss: type, data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(3, activation)]
        model = keras.Sequential([keras.Input((6,)), *layers])
        model.compile("adam", loss(label_smoothing=0.2), metrics=["accuracy", loss().name])
        return model

    validation = data.x[:40] + 1, data.one_hot[:40]
    assert_same_training(make, data.x, data.one_hot, validation_data=validation, jit="kernels")
