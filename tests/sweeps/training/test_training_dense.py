"""Chains of dense layers are trained by kernels, with the result of Keras's own `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sweeps.dense_kernels import activations, supported, target
from sweeps.dense_kernels.llvm import LANES
from sweeps.dense_kernels.products import MAX_VECTORS
from sweeps.dense_kernels.runner import Runner
from sweeps.training import fit

from .conftest import SEED, Data, assert_same_training, classifier, make_data

pytestmark = pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")

Layers = Callable[[], list[Any]]


def network(
    layers: Layers, loss: Any = "sparse_categorical_crossentropy", optimizer: Any = "sgd", **options: Any
) -> Any:
    """A Sequential model, the same weights each time."""
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential(layers())
    model.compile(optimizer, loss, **{"metrics": ["accuracy"], **options})
    return model


def by_kernels(make: Callable[[], Any], x: Any, y: Any, **arguments: Any) -> bool:
    return bool(fit(make(), x, y, verbose=0, batch_size=8, **arguments).by_kernels)


@pytest.mark.parametrize("name", activations.BY_NAME)
def test_every_activation_and_its_slope_are_keras_s(name: str) -> None:
    kinks = np.array([-6, -3, -1, -0.5, 0, 0.5, 1, 3, 6], np.float32)
    x = np.concatenate([np.linspace(-12, 12, 1000), kinks, kinks + 1e-6, kinks - 1e-6, [np.nan]])
    z, slopes = x.astype(np.float32), np.zeros(len(x), np.float32)
    inputs = tf.constant(z)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = keras.activations.get(name)(inputs)
    activations.activate_rows(activations.BY_NAME[name], z, slopes, 1, len(z), len(z))
    assert np.isnan(z[-1])  # TensorFlow's ReLU of it is 0
    np.testing.assert_allclose(z[:-1], outputs[:-1], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes[:-1], tape.gradient(outputs, inputs)[:-1], rtol=1e-6, atol=5e-6)


@pytest.mark.parametrize(
    "names",
    [("relu", "tanh", "silu", "swish"), ("elu", "sigmoid", "gelu"), ("selu", "leaky_relu", "hard_swish", "mish")],
)
def test_every_activation_ends_where_keras_does(names: tuple[str, ...], data: Data) -> None:
    def hidden() -> list[Any]:
        return [keras.layers.Dense(8 - i, name, bias_initializer="ones") for i, name in enumerate(names)]

    def make() -> Any:
        return classifier(hidden=hidden)

    assert_same_training(make, data.x, data.labels, epochs=4, jit="kernels")
    assert by_kernels(make, data.x, data.labels)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (lambda: keras.optimizers.SGD(0.1), True),
        (lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01), True),
        (lambda: keras.optimizers.Adam(0.01), True),
        (lambda: keras.optimizers.AdamW(0.01), True),
        (lambda: keras.optimizers.Adam(0.01, clipnorm=1.0), False),
        (lambda: keras.optimizers.Adam(0.01, amsgrad=True), False),
        (lambda: keras.optimizers.SGD(0.01, use_ema=True), False),
        (lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 9)), False),
        (lambda: keras.optimizers.RMSprop(0.01, centered=True), False),
        (lambda: keras.optimizers.Adam(0.01, epsilon=0.0), False),
        (lambda: keras.optimizers.Lion(0.01), False),
    ],
)
def test_the_kernels_take_the_optimizers_that_they_know(
    optimizer: Callable[[], Any], expected: bool, data: Data
) -> None:
    assert by_kernels(lambda: classifier(optimizer()), data.x, data.labels) is expected


@pytest.mark.parametrize(("loss", "columns"), [("binary_crossentropy", 1), (keras.losses.BinaryCrossentropy(), 2)])
def test_binary_and_multi_label_targets_end_where_keras_does(loss: Any, columns: int, data: Data) -> None:
    targets = np.stack([data.binary, data.x[:, 0] > 0], axis=1).astype(np.float32)[:, :columns]

    def make() -> Any:
        return network(
            lambda: [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(columns, "sigmoid")], loss
        )

    assert_same_training(
        make, data.x, targets if columns > 1 else data.binary, sample_weight=data.binary + 0.5, jit="kernels"
    )
    assert by_kernels(make, data.x, targets)


def test_soft_one_hot_targets_end_where_keras_does(data: Data) -> None:
    soft = 0.7 * data.one_hot + 0.05

    def make() -> Any:
        return classifier(loss="categorical_crossentropy")

    assert_same_training(make, data.x, soft, sample_weight=data.binary + 0.5, jit="kernels")
    assert by_kernels(make, data.x, soft)


@pytest.mark.parametrize("columns", [1, 2])
def test_scaled_regression_targets_end_where_keras_does(columns: int, data: Data) -> None:
    def make() -> Any:
        scaling = keras.layers.Rescaling([3.0, 0.5][:columns], [1.0, -1.0][:columns])
        layers = lambda: [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(columns), scaling]  # noqa: E731
        rmse = keras.metrics.RootMeanSquaredError(name="rmse")
        return network(layers, "mse", keras.optimizers.Adam(0.01), metrics=[rmse, "mae"], loss_weights=[0.25])

    values = data.values[:, :columns]
    assert_same_training(make, data.x, values, validation_data=(data.x[:30], values[:30]), jit="kernels")
    assert by_kernels(make, data.x, values)
    if columns == 1:
        assert by_kernels(make, data.x, values[:, 0])


def test_images_are_scaled_by_the_kernels(data: Data) -> None:
    def rescaled() -> Any:
        layers = [keras.Input((4, 4), dtype="uint8"), keras.layers.Rescaling(1 / 127.5, -1), keras.layers.Flatten()]
        return network(lambda: [*layers, keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])

    def normalized() -> Any:
        scaling = keras.layers.Normalization(mean=np.linspace(50, 200, 4), variance=np.linspace(100, 5000, 4))
        layers = [keras.Input((4, 4), dtype="uint8"), scaling, keras.layers.Flatten()]
        return network(lambda: [*layers, keras.layers.Dense(3, "softmax")])

    for make in (rescaled, normalized):
        assert_same_training(
            make, data.images, data.labels, validation_data=(data.images[:20], data.labels[:20]), jit="kernels"
        )
        assert by_kernels(make, data.images, data.labels)


@pytest.mark.parametrize(("optimizer", "batch_size"), [("adam", 7), ("sgd", 100)])
def test_widths_and_batches_of_all_sizes_end_where_keras_does(optimizer: str, batch_size: int, data: Data) -> None:
    widths = (1, LANES - 1, LANES, LANES + 1, LANES * MAX_VECTORS, LANES * (MAX_VECTORS + 1) + 3)

    def make() -> Any:
        return classifier(optimizer, hidden=lambda: [keras.layers.Dense(width, "relu") for width in widths])

    assert_same_training(make, data.x, data.labels, batch_size=batch_size, jit="kernels")
    assert by_kernels(make, data.x, data.labels)


def test_what_a_callback_changes_between_epochs_counts(data: Data) -> None:
    class Halves(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.1 / 2**epoch
            self.model.set_weights([weights * 0.5 for weights in self.model.get_weights()])

    ways = []
    for jit in ("auto", False):
        model = classifier(keras.optimizers.Adam(0.1))
        fit(model, data.x, data.labels, epochs=3, verbose=0, seed=1, callbacks=[Halves()], jit=jit)
        ways.append(model.get_weights())
    for one, other in zip(*ways, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def _shared(dense: Any) -> list[Any]:
    return [keras.Input((3,)), dense, keras.layers.Activation("relu"), dense]


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [keras.layers.Dense(8, "relu", kernel_regularizer="l1")],
        lambda: [keras.layers.Dense(8, "relu", kernel_constraint="max_norm")],
        lambda: [keras.layers.Dense(8, keras.layers.LeakyReLU())],
        lambda: [keras.layers.Dense(8, "softmax")],
        lambda: [keras.layers.Dense(8, lambda x: x)],
        lambda: [keras.layers.Dense(8, "relu", trainable=False)],
        lambda: [keras.layers.Dense(8, "relu", dtype="mixed_bfloat16")],
        lambda: [keras.layers.Rescaling(2.0), keras.layers.Rescaling(2.0)],
    ],
)
def test_what_the_kernels_do_not_know_is_left_to_a_graph(layers: Layers, data: Data) -> None:
    def make() -> Any:
        return classifier(hidden=lambda: [*layers(), keras.layers.Dense(4, "relu")])

    assert not by_kernels(make, data.x, data.labels)


def test_a_loss_that_is_not_its_activation_s_is_left_to_a_graph(data: Data) -> None:
    summed = keras.losses.CategoricalCrossentropy(label_smoothing=0.1, reduction="sum")
    assert not by_kernels(lambda: classifier(loss="mse"), data.x, data.one_hot)
    assert not by_kernels(lambda: classifier(loss=summed), data.x, data.one_hot)
    assert not by_kernels(lambda: classifier(loss="kl_divergence"), data.x, data.one_hot)


def test_a_layer_called_twice_is_left_to_a_graph(data: Data) -> None:
    def make() -> Any:
        inputs = keras.Input((6,))
        twice = keras.layers.Dense(6, "relu")
        outputs = keras.layers.Dense(3, "softmax")(twice(twice(inputs)))
        model = keras.Model(inputs, outputs)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    assert not by_kernels(make, data.x, data.labels)


def test_a_label_of_no_class_is_refused_in_keras_s_own_words(data: Data) -> None:
    labels = data.labels.copy()
    labels[3] = 7
    with pytest.raises(tf.errors.InvalidArgumentError, match="label value of 7"):
        fit(classifier(), data.x, labels, verbose=0)


def test_a_loss_that_is_no_number_stays_none(data: Data) -> None:
    x = data.x.copy()
    x[5, 2] = np.nan
    history = fit(classifier(keras.optimizers.SGD(0.1)), x, data.labels, verbose=0)
    assert history.by_kernels
    assert np.isnan(history.history["loss"][0])


def test_a_batch_larger_than_the_data_is_one_step() -> None:
    data = make_data(rows=5)
    assert_same_training(classifier, data.x, data.labels, batch_size=64, jit="kernels")
    assert by_kernels(classifier, data.x, data.labels)


def test_kernels_that_cannot_be_compiled_leave_the_training_to_a_graph(
    data: Data, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(runner: Runner) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(target, "_failure", None)
    monkeypatch.setattr(Runner, "compile", fail)
    assert_same_training(classifier, data.x, data.labels)
    assert not by_kernels(classifier, data.x, data.labels)
    assert supported() == "the kernels cannot be compiled: OSError: [Errno 28] No space left on device"
