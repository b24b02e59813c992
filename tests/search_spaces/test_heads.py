"""Each kind of target gets the output layer, loss and metrics that fit it."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from search_spaces import DataSpec, InputSpec, Target
from search_spaces.heads import compile_arguments, output

COLUMNS = InputSpec((4,), "float32")
EXPECTED = {
    "sparse": (5, "softmax", "sparse_categorical_crossentropy", ["accuracy"]),
    "one_hot": (5, "softmax", "categorical_crossentropy", ["accuracy"]),
    "binary": (1, "sigmoid", "binary_crossentropy", ["accuracy"]),
    "multi_label": (5, "sigmoid", "binary_crossentropy", ["accuracy"]),
    "regression": (5, "linear", "mean_squared_error", ["rmse", "mae"]),
}


@pytest.mark.parametrize("target", EXPECTED)
def test_the_target_chooses_units_activation_loss_and_metrics(target: Target) -> None:
    spec = DataSpec(COLUMNS, target, 1 if target == "binary" else 5)
    entrance = keras.Input((4,))
    layer = keras.Model(entrance, output(entrance, spec)).layers[-1]
    arguments = compile_arguments(spec)
    names = [metric.name for metric in arguments["metrics"]]
    assert (layer.units, layer.activation.__name__, arguments["loss"], names) == EXPECTED[target]


@pytest.mark.parametrize(
    ("target", "y", "answer", "accuracy"),
    [
        ("sparse", [0, 1], [[0.6, 0.4], [0.7, 0.3]], 0.5),
        ("one_hot", [[1.0, 0.0], [0.0, 1.0]], [[0.6, 0.4], [0.7, 0.3]], 0.5),
        ("binary", [0, 1, 1, 1], [[0.2], [0.8], [0.9], [0.3]], 0.75),
        ("multi_label", [[1.0, 0.0], [1.0, 1.0]], [[0.9, 0.2], [0.8, 0.4]], 0.75),
    ],
)
def test_accuracy_counts_what_is_right_for_the_kind_of_target(
    target: Target, y: list[object], answer: list[object], accuracy: float
) -> None:
    (metric,) = compile_arguments(DataSpec(COLUMNS, target, 2))["metrics"]
    assert float(metric(np.array(y), np.array(answer, dtype="float32"))) == pytest.approx(accuracy)


def test_a_scaled_regression_target_is_predicted_in_its_own_units_and_learned_at_variance_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(512, 4)).astype("float32")
    y = (200_000 + 80_000 * x[:, 0]).astype("float32")
    spec = DataSpec(COLUMNS, "regression", 1, target_mean=(float(y.mean()),), target_variance=(float(y.var()),))
    keras.utils.set_random_seed(0)
    entrance = keras.Input((4,))
    model = keras.Model(entrance, output(entrance, spec))
    model.compile(optimizer=keras.optimizers.SGD(0.1), **compile_arguments(spec))
    losses = model.fit(x, y, epochs=12, verbose=0).history
    assert losses["loss"][0] < 10  # on the scale of the variance, not of dollars squared
    assert losses["rmse"][-1] < 1_000
    assert model.predict(x[:1], verbose=0)[0, 0] == pytest.approx(y[0], rel=0.05)


def test_a_constant_regression_target_still_gives_finite_losses() -> None:
    spec = DataSpec(COLUMNS, "regression", 2, target_mean=(3.0, 3.0), target_variance=(0.0, 0.0))
    entrance = keras.Input((4,))
    model = keras.Model(entrance, output(entrance, spec))
    model.compile(**compile_arguments(spec))
    loss, *_ = model.evaluate(np.ones((8, 4)), np.full((8, 2), 3.0), verbose=0)
    assert np.isfinite(loss)


def test_metric_objects_are_new_for_each_model() -> None:
    spec = replace(DataSpec(COLUMNS, "sparse", 5))
    assert compile_arguments(spec)["metrics"][0] is not compile_arguments(spec)["metrics"][0]
