"""Multilayer perceptrons with hidden layers of one width, or a width per layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import keras
import keras_tuner

from search_spaces import smoothing
from search_spaces.data_spec import DataSpec
from search_spaces.family import Family, portfolio_of
from search_spaces.heads import compile_arguments, output
from search_spaces.hidden import hidden_layers
from search_spaces.optimizers import optimizer
from search_spaces.preprocessing import encode


class MLP(Family):
    """A search space of multilayer perceptrons for any kind of target.

    Hyperparameters: `n_hidden` (0 to 8), `n_neurons` (16 to 1024, logarithmic; `n_neurons_0` … with `per_layer`),
    `activation`, `kernel_initializer`, `bias_initializer`, `batch_norm` and `dropout` of the hidden layers (inactive
    without them), `optimizer`, `learning_rate` and `weight_decay` (logarithmic), and, drawn in `fit`, `batch_size`,
    `schedule` and `label_smoothing`. A search has the values in `kept` of them, unless `--set` names others.

    Args:
        spec: the description of the data.
        per_layer: draw a width for each hidden layer.
    """

    kept: ClassVar[Mapping[str, str]] = {**Family.kept, **smoothing.KEPT}

    def __init__(self, spec: DataSpec, per_layer: bool = False) -> None:
        super().__init__(spec, "mlp_per_layer" if per_layer else "mlp")
        self.per_layer = per_layer

    @cached_property
    def portfolio(self) -> Sequence[Mapping[str, Any]]:
        """See `Family`. With `per_layer` these are the same networks, each width under the names of its layers."""
        return [_per_layer(values) for values in portfolio_of("mlp")] if self.per_layer else portfolio_of("mlp")

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model for raw input with the spec's shapes and dtypes."""
        inputs, features = encode(self.spec)
        for layer in hidden_layers(hp, per_layer=self.per_layer):
            features = layer(features)
        model = keras.Model(inputs, output(features, self.spec), name=self.name)
        model.compile(optimizer=optimizer(hp), **compile_arguments(self.spec))
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """As `Family.fit`, with the hyperparameter `label_smoothing`."""
        arguments = self.fit_arguments(hp, kwargs)
        smoothed = smoothing.label_smoothing(hp, self.spec, y, kwargs)
        if not smoothed:
            return model.fit(x, y, **arguments)
        return smoothing.fit_smoothed(model, self.spec, smoothed, x, y, **arguments)


def _per_layer(values: Mapping[str, Any]) -> dict[str, Any]:
    widths = {f"n_neurons_{layer}": values["n_neurons"] for layer in range(values["n_hidden"])}
    return {name: value for name, value in values.items() if name != "n_neurons"} | widths
