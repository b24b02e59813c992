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


def output(features: keras.KerasTensor, spec: DataSpec, name: str = "output") -> keras.KerasTensor:
    """The model's answer, float32 (n, outputs): probabilities, or numbers in the target's own units.

    Args:
        features: float32 (n, features), what the layers before have made of the input.
        spec: the data; its `target` chooses the activation.
        name: of the last layer, the key of this output's losses and metrics where a model has several.
    """
    if isinstance(spec.inputs, Mapping) and name in spec.inputs:
        name = f"{name}_layer"  # a column of the data is called so, and names are unique in a model
    units = 1 if spec.target == "binary" else spec.n_outputs
    activation = ACTIVATIONS[spec.target]
    if spec.target_mean is None or spec.target_variance is None:
        return keras.layers.Dense(units, activation=activation, name=name)(features)
    scaled = keras.layers.Dense(units, name=f"{name}_scaled")(features)
    deviation = [value**0.5 or 1.0 for value in spec.target_variance]
    return keras.layers.Rescaling(scale=deviation, offset=list(spec.target_mean), name=name)(scaled)


def loss_weight(spec: DataSpec) -> float:
    """What the loss is multiplied with: 1, or that which brings a scaled regression target to variance one.

    Without it the gradients of a target in dollars would be 10^10 times those that a learning rate is made
    for.
    """
    if spec.target_variance is None:
        return 1.0
    variance = sum(spec.target_variance) / len(spec.target_variance)
    return 1.0 / variance if variance > 0 else 1.0


def metrics(spec: DataSpec) -> list[keras.metrics.Metric]:
    """New metric objects for one output: "accuracy" for classes, "rmse" and "mae" for numbers, and the spec's."""
    return [*_own_metrics(spec), *(metric(name, spec) for name in spec.metrics)]


def _own_metrics(spec: DataSpec) -> list[keras.metrics.Metric]:
    if spec.target == "sparse":
        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]
    if spec.target == "one_hot":
        return [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if spec.target == "regression":
        return [keras.metrics.RootMeanSquaredError(name="rmse"), keras.metrics.MeanAbsoluteError(name="mae")]
    return [keras.metrics.BinaryAccuracy(name="accuracy")]


def compile_arguments(spec: DataSpec) -> dict[str, Any]:
    """`loss`, `metrics` and, where it is not one, `loss_weights` for `compile` of a model with one output."""
    arguments: dict[str, Any] = {"loss": LOSSES[spec.target], "metrics": metrics(spec)}
    weight = loss_weight(spec)
    return arguments if weight == 1.0 else {**arguments, "loss_weights": [weight]}
