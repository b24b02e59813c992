"""The same permutation gives the weights, optimizer state and history of Keras's own `fit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from .conftest import SEED, Data, assert_same_training, classifier, make_data

Optimizer = Callable[[], Any]

OPTIMIZERS: dict[str, Optimizer] = {
    "nesterov": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adamw with a cosine schedule": lambda: keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(0.02, 30), weight_decay=0.01
    ),
    "nadam": lambda: keras.optimizers.Nadam(0.01),
    "clipped": lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
    "accumulated": lambda: keras.optimizers.Adam(0.01, gradient_accumulation_steps=3),
    "averaged": lambda: keras.optimizers.SGD(0.1, use_ema=True, ema_overwrite_frequency=5),
    "loss scale": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_ends_where_keras_does(name: str, data: Data) -> None:
    # Averages overwrite the weights at the end of each of Keras's calls, so that only one epoch is
    # comparable.
    epochs = 1 if name == "averaged" else 2
    assert_same_training(lambda: classifier(OPTIMIZERS[name]()), data.x, data.labels, epochs=epochs)


def _regularized() -> list[Any]:
    return [
        keras.layers.Dense(8, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.3, seed=3),
    ]


def test_dropout_and_batch_normalization_draw_and_move_as_in_keras(data: Data) -> None:
    validation = (data.x[:20], data.labels[:20])
    ours = assert_same_training(
        lambda: classifier(hidden=_regularized), data.x, data.labels, validation_data=validation
    )
    assert ours.layers[3].seed_generator.state.numpy()[1] == 2 * 13


def test_xla_ends_where_keras_does(data: Data) -> None:
    assert_same_training(lambda: classifier(keras.optimizers.Nadam(0.01)), data.x, data.labels, jit=True)


@pytest.mark.slow
def test_batch_normalization_moves_under_xla_as_in_keras(data: Data) -> None:
    def hidden() -> list[Any]:
        return [keras.layers.Dense(8), keras.layers.BatchNormalization()]

    assert_same_training(lambda: classifier(hidden=hidden), data.x, data.labels, jit=True)


def test_regularizers_and_losses_of_layers_count(data: Data) -> None:
    def hidden() -> list[Any]:
        return [
            keras.layers.Dense(8, "relu", kernel_regularizer=keras.regularizers.L2(0.05)),
            keras.layers.ActivityRegularization(l1=0.01),
        ]

    assert_same_training(
        lambda: classifier(hidden=hidden),
        data.x,
        data.labels,
        validation_data=(data.x[:20], data.labels[:20]),
    )


def test_class_weights_count(data: Data) -> None:
    assert_same_training(
        lambda: classifier(weighted_metrics=["accuracy"]), data.x, data.labels, class_weight={0: 3.0, 2: 0.5}
    )


def test_class_weights_of_one_hot_labels_count(data: Data) -> None:
    def make() -> Any:
        return classifier(loss="categorical_crossentropy")

    assert_same_training(make, data.x, data.one_hot, class_weight={0: 3.0, 2: 0.5})


def test_sample_weights_count_in_training_and_in_validation(data: Data) -> None:
    weights = np.linspace(0, 2, len(data.x), dtype=np.float32)
    assert_same_training(
        lambda: classifier(metrics=["accuracy"], weighted_metrics=["accuracy", "sparse_categorical_crossentropy"]),
        data.x,
        data.labels,
        sample_weight=weights,
        validation_data=(data.x[:21], data.labels[:21], weights[:21]),
    )


def two_in_two_out(**arguments: Any) -> Any:
    keras.utils.set_random_seed(SEED)
    table, image = keras.Input((6,), name="table"), keras.Input((4, 4), dtype="uint8", name="image")
    pixels = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    hidden = keras.layers.Dense(8, "tanh")(keras.layers.Concatenate()([table, pixels]))
    outputs = {
        "label": keras.layers.Dense(3, "softmax", name="label")(hidden),
        "value": keras.layers.Dense(2, name="value")(hidden),
    }
    model = keras.Model([table, image], outputs)
    model.compile(
        keras.optimizers.SGD(0.05),
        loss={"label": "sparse_categorical_crossentropy", "value": "mse"},
        loss_weights={"label": 1.0, "value": 0.3},
        metrics={"label": ["accuracy"], "value": ["mae"]},
        **arguments,
    )
    return model


@pytest.mark.parametrize(("nest", "rows"), [(dict, 101), (list, 96)])
def test_two_inputs_and_two_weighted_outputs_count(nest: type, rows: int) -> None:
    data = make_data(rows)
    x = {"table": data.x, "image": data.images} if nest is dict else [data.x, data.images]
    y = {"label": data.labels, "value": data.values}
    part = keras.tree.map_structure(lambda leaf: leaf[:21], (x, y))
    ours = assert_same_training(two_in_two_out, x, y, validation_data=part)
    assert "val_value_mae" in ours.history.history


def _root_of_a_mean(y: Any, answer: Any) -> Any:
    return keras.ops.sqrt(keras.ops.mean(keras.ops.square(keras.ops.cast(y, answer.dtype) - answer)))


@pytest.mark.parametrize(
    "loss",
    [
        keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
        keras.losses.SparseCategoricalCrossentropy(reduction=None),
        keras.losses.SparseCategoricalCrossentropy(ignore_class=1),
        lambda y, answer: _root_of_a_mean(y, answer[:, 0]),
        "crossentropy",
    ],
    ids=["sum", "none", "ignored class", "root of a mean", "named by its kind"],
)
def test_a_validation_loss_is_averaged_over_the_batches_that_keras_takes(loss: Any, data: Data) -> None:
    validation = (data.x[:30], data.labels[:30])
    assert_same_training(lambda: classifier(loss=loss), data.x, data.labels, validation_data=validation)


@keras.saving.register_keras_serializable("tests")
class SumOfOutputs(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(0.01 * keras.ops.sum(keras.ops.abs(x)))
        return x


def test_what_a_layer_of_ones_own_adds_to_the_loss_is_added_once_a_batch(data: Data) -> None:
    validation = (data.x[:30], data.labels[:30])
    assert_same_training(
        lambda: classifier(hidden=lambda: [SumOfOutputs()]), data.x, data.labels, validation_data=validation
    )


@pytest.mark.slow
def test_masked_steps_of_a_sequence_count_in_no_metric() -> None:
    metrics = ["accuracy", "sparse_categorical_crossentropy"]
    words = np.random.default_rng(0).integers(0, 5, (61, 6))

    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        model = keras.Sequential(
            [
                keras.Input((6,), dtype="int32"),
                keras.layers.Embedding(5, 4, mask_zero=True),
                keras.layers.SimpleRNN(4, return_sequences=True),
                keras.layers.Dense(5, "softmax"),
            ]
        )
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=metrics)
        return model

    assert_same_training(make, words, words, validation_data=(words[:30], words[:30]))


def test_one_hot_targets(data: Data) -> None:
    def make() -> Any:
        return classifier(loss="categorical_crossentropy", metrics=["accuracy", "auc"])

    assert_same_training(make, data.x, data.one_hot)


def _one_output(activation: str | None, units: int, **arguments: Any) -> Any:
    keras.utils.set_random_seed(SEED)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(units, activation)])
    model.compile(keras.optimizers.SGD(0.05), **arguments)
    return model


def test_binary_targets(data: Data) -> None:
    def make() -> Any:
        return _one_output("sigmoid", 1, loss="binary_crossentropy", metrics=["accuracy", "precision"])

    assert_same_training(make, data.x, data.binary)


def test_regression_targets_of_two_columns(data: Data) -> None:
    def make() -> Any:
        return _one_output(None, 2, loss="mse", metrics=["mae", "root_mean_squared_error"])

    assert_same_training(make, data.x.astype(np.float64), data.values.astype(np.float64))


@pytest.mark.parametrize(("rows", "batch_size"), [(96, 8), (5, 8), (9, 1)])
def test_the_last_batch_is_trained_whatever_its_size(rows: int, batch_size: int) -> None:
    data = make_data(rows)
    ours = assert_same_training(lambda: classifier(), data.x, data.labels, batch_size=batch_size)
    assert ours.optimizer.iterations.numpy() == 2 * -(-rows // batch_size)


def test_many_epochs_end_where_keras_does(data: Data) -> None:
    # From some number of epochs on, the last batch has a graph of its own.
    assert_same_training(lambda: classifier(hidden=_regularized), data.x, data.labels, epochs=10)


def test_images_stay_uint8_and_count_as_in_keras(data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        model = keras.Sequential(
            [
                keras.Input((4, 4), dtype="uint8"),
                keras.layers.Rescaling(1 / 255),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss=loss, metrics=["accuracy"])
        return model

    assert_same_training(make, data.images, data.labels.astype(np.uint8))


def test_mixed_precision_counts(data: Data) -> None:
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    try:
        assert_same_training(lambda: classifier("adam"), data.x, data.labels, tolerance=2e-2)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def test_a_model_without_input_layer_is_built_from_the_data(data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert_same_training(make, data.x, data.labels)


def test_integers_into_an_embedding_count(data: Data) -> None:
    words = (data.images.reshape(len(data.images), -1) % 11).astype(np.int32)

    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        layers = [keras.layers.Embedding(11, 4), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
        model = keras.Sequential([keras.Input((16,), dtype="int32"), *layers])
        model.compile("adam", loss="sparse_categorical_crossentropy")
        return model

    assert_same_training(make, words, data.labels)


class OwnLoss(keras.Model):
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return super().compute_loss(x, y, y_pred, sample_weight, training) + 0.1 * keras.ops.mean(y_pred**2)


def test_a_model_with_its_own_compute_loss_counts(data: Data) -> None:
    def make() -> Any:
        keras.utils.set_random_seed(SEED)
        inputs = keras.Input((6,))
        model = OwnLoss(inputs, keras.layers.Dense(3, "softmax")(inputs))
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    assert_same_training(make, data.x, data.labels)


def test_validation_every_second_epoch_and_split_from_the_end(data: Data) -> None:
    ours, theirs = classifier(), classifier()
    from sweeps.training import fit

    arguments: dict[str, Any] = {
        "batch_size": 8,
        "epochs": 3,
        "verbose": 0,
        "shuffle": False,
        "validation_split": 0.25,
        "validation_freq": 2,
        "class_weight": {0: 2.0},
    }
    expected = theirs.fit(data.x, data.labels, **arguments).history
    history = fit(ours, data.x, data.labels, **arguments).history
    assert list(history) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, atol=1e-5)


def test_shuffle_by_batch_permutes_within_batches_only() -> None:
    from .conftest import order_of

    order = order_of(20, 0, batch_size=8, shuffle="batch")
    assert sorted(order[:8]) == list(range(8))
    assert sorted(order[16:]) == list(range(16, 20))
    assert list(order) != list(range(20))
