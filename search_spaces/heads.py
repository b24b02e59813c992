"""The end of a model: output layer, loss and metrics for a kind of target.

| target      | output layer        | loss                            | metrics     |
|-------------|---------------------|---------------------------------|-------------|
| sparse      | n units, softmax    | sparse_categorical_crossentropy | accuracy    |
| one_hot     | n units, softmax    | categorical_crossentropy        | accuracy    |
| binary      | 1 unit, sigmoid     | binary_crossentropy             | accuracy    |
| multi_label | n units, sigmoid    | binary_crossentropy             | accuracy    |
| regression  | n units, linear     | mean_squared_error              | rmse, mae   |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from search_spaces.data_spec import DataSpec, Target
from search_spaces.metrics import metric

ACTIVATIONS: dict[Target, str] = {
    "sparse": "softmax",
    "one_hot": "softmax",
    "binary": "sigmoid",
    "multi_label": "sigmoid",
    "regression": "linear",
}

LOSSES: dict[Target, str] = {
    "sparse": "sparse_categorical_crossentropy",
    "one_hot": "categorical_crossentropy",
    "binary": "binary_crossentropy",
    "multi_label": "binary_crossentropy",
    "regression": "mean_squared_error",
}

ACCURACIES: dict[Target, type[keras.metrics.Metric]] = {
    "sparse": keras.metrics.SparseCategoricalAccuracy,
    "one_hot": keras.metrics.CategoricalAccuracy,
    "binary": keras.metrics.BinaryAccuracy,
    "multi_label": keras.metrics.BinaryAccuracy,
}


def output(features: keras.KerasTensor, spec: DataSpec, name: str = "output") -> keras.KerasTensor:
    """The output layer, float32 (n, outputs): probabilities, or numbers in the target's own units.

    Args:
        features: float32 (n, features), the output of the layers before.
        spec: the description of the data; `target` determines the activation.
        name: of the layer, which is the key of its loss and metrics in a model with several outputs.
    """
    if isinstance(spec.inputs, Mapping) and name in spec.inputs:
        name = f"{name}_layer"  # a column of the data has that name, and names in a model are unique
    units = 1 if spec.target == "binary" else spec.n_outputs
    activation = ACTIVATIONS[spec.target]
    if spec.target_mean is None or spec.target_variance is None:
        return keras.layers.Dense(units, activation=activation, name=name)(features)
    scaled = keras.layers.Dense(units, name=f"{name}_scaled")(features)
    deviation = [value**0.5 or 1.0 for value in spec.target_variance]
    return keras.layers.Rescaling(scale=deviation, offset=list(spec.target_mean), name=name)(scaled)


def loss_weight(spec: DataSpec) -> float:
    """The factor of the loss: 1 / variance for a standardized regression target, otherwise 1.

    Without it the gradients of a target in dollars would be 10^10 times those that learning rates are meant for.
    """
    if spec.target_variance is None:
        return 1.0
    variance = sum(spec.target_variance) / len(spec.target_variance)
    return 1.0 / variance if variance > 0 else 1.0


def metrics(spec: DataSpec) -> list[keras.metrics.Metric]:
    """New metrics for one output: "accuracy" for classes, "rmse" and "mae" for regression, and those of the spec."""
    if spec.target == "regression":
        default = [keras.metrics.RootMeanSquaredError(name="rmse"), keras.metrics.MeanAbsoluteError(name="mae")]
    else:
        default = [ACCURACIES[spec.target](name="accuracy")]
    return [*default, *(metric(name, spec) for name in spec.metrics)]


def compile_arguments(spec: DataSpec) -> dict[str, Any]:
    """`loss`, `metrics` and, unless it is 1, `loss_weights` for `compile` of a model with one output."""
    arguments: dict[str, Any] = {"loss": LOSSES[spec.target], "metrics": metrics(spec)}
    weight = loss_weight(spec)
    return arguments if weight == 1.0 else {**arguments, "loss_weights": [weight]}
