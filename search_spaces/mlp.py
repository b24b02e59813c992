"""Multilayer perceptrons: hidden layers of one width, or each of its own."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner

from search_spaces.data_spec import DataSpec
from search_spaces.heads import compile_arguments, output
from search_spaces.optimizers import optimizer
from search_spaces.preprocessing import encode

MAX_HIDDEN = 8
ACTIVATIONS = ("relu", "elu", "selu", "swish", "gelu", "tanh")
INITIALIZERS = ("he_normal", "glorot_uniform", "lecun_normal")
BATCH_SIZES = (32, 64, 128)


class MLP(keras_tuner.HyperModel):  # type: ignore[misc]
    """A search space of multilayer perceptrons for any kind of target.

    Hyperparameters: `n_hidden` (0 to 8), `n_neurons` (32 to 512, logarithmic; `n_neurons_0` … with
    `per_layer`), `activation`, `kernel_initializer` and `dropout` of the hidden layers (inactive where there
    is none), `optimizer`, `learning_rate` (logarithmic), and `batch_size`, drawn in
    `fit`.

    Args:
        spec: what the data asks of a model.
        per_layer: whether each hidden layer has a width of its own.
    """

    def __init__(self, spec: DataSpec, per_layer: bool = False) -> None:
        super().__init__(name="mlp_per_layer" if per_layer else "mlp")
        self.spec = spec
        self.per_layer = per_layer

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """A compiled model, built for raw input of the spec's shapes and dtypes."""
        inputs, features = encode(self.spec)
        hidden = _hidden_layers(hp, self.per_layer)
        for layer in hidden:
            features = layer(features)
        model = keras.Model(inputs, output(features, self.spec), name=self.name)
        model.compile(optimizer=optimizer(hp), **compile_arguments(self.spec))
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with a drawn `batch_size`; all else as given."""
        batch_size = hp.Choice("batch_size", list(BATCH_SIZES))
        return model.fit(*args, batch_size=batch_size, **kwargs)


def _hidden_layers(hp: keras_tuner.HyperParameters, per_layer: bool) -> list[keras.layers.Layer]:
    n_hidden = hp.Int("n_hidden", 0, MAX_HIDDEN, default=2)
    widths = _widths(hp, n_hidden, per_layer)
    with hp.conditional_scope("n_hidden", list(range(1, MAX_HIDDEN + 1))):
        activation = hp.Choice("activation", list(ACTIVATIONS))
        initializer = hp.Choice("kernel_initializer", list(INITIALIZERS))
        dropout = hp.Float("dropout", 0.0, 0.5, step=0.05)
    layers: list[keras.layers.Layer] = []
    for layer, width in enumerate(widths):
        name = f"hidden_{layer}"
        layers.append(
            keras.layers.Dense(width, activation=activation, kernel_initializer=initializer, name=name)
        )
        if dropout:
            layers.append(keras.layers.Dropout(dropout, name=f"dropout_{layer}"))
    return layers


def _widths(hp: keras_tuner.HyperParameters, n_hidden: int, per_layer: bool) -> list[int]:
    """Neurons of each hidden layer, drawn under the condition that there is such a layer."""
    names = [f"n_neurons_{layer}" for layer in range(MAX_HIDDEN)] if per_layer else ["n_neurons"]
    widths = [
        hp.Int(
            name,
            32,
            512,
            sampling="log",
            default=128,
            parent_name="n_hidden",
            parent_values=list(range(layer + 1, MAX_HIDDEN + 1)),
        )
        for layer, name in enumerate(names)
    ]
    return widths[:n_hidden] if per_layer else widths * n_hidden
