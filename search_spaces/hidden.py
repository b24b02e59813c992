"""Hidden layers as hyperparameters, shared by the families."""

from __future__ import annotations

import keras
import keras_tuner

MAX_HIDDEN = 8
ACTIVATIONS = ("relu", "swish", "gelu", "elu", "selu", "tanh")
INITIALIZERS = ("he_normal", "glorot_uniform", "lecun_normal")
BIAS_INITIALIZERS = ("zeros", "ones", "random_normal", "random_uniform")

#: hyperparameter -> the values that are searched unless `--set` names it
KEPT = {
    "n_hidden": "1..4",
    "n_neurons": "64..1024",
    **{f"n_neurons_{layer}": "64..1024" for layer in range(MAX_HIDDEN)},
    "activation": "relu,swish,selu",
    "kernel_initializer": "he_normal",
    "bias_initializer": "zeros",
}


def hidden_layers(
    hp: keras_tuner.HyperParameters, fewest: int = 0, per_layer: bool = False
) -> list[keras.layers.Layer]:
    """Draw `n_hidden` and the properties of the hidden layers.

    Args:
        hp: a trial's hyperparameters.
        fewest: the lowest number of hidden layers; the highest is 8.
        per_layer: draw a width for each layer, `n_neurons_0` …, instead of one `n_neurons` for all; 16 to 1024.

    Returns:
        Dense layers, with BatchNormalization and Activation where `batch_norm` is drawn, and Dropout, in their order.
    """
    n_hidden = hp.Int("n_hidden", fewest, MAX_HIDDEN, default=2)
    widths = _widths(hp, n_hidden, per_layer)
    with hp.conditional_scope("n_hidden", _at_least(1)):
        activation = hp.Choice("activation", list(ACTIVATIONS))
        initializers = {
            "kernel_initializer": hp.Choice("kernel_initializer", list(INITIALIZERS)),
            "bias_initializer": hp.Choice("bias_initializer", list(BIAS_INITIALIZERS)),
        }
        batch_norm = hp.Boolean("batch_norm")
        dropout = hp.Float("dropout", 0.0, 0.5, step=0.125)
    layers: list[keras.layers.Layer] = []
    for layer, width in enumerate(widths):
        name = f"hidden_{layer}"
        if batch_norm:
            # before the activation, as in the paper (Ioffe and Szegedy, 2015); its offset replaces the bias
            layers.append(keras.layers.Dense(width, use_bias=False, name=name, **initializers))
            layers.append(keras.layers.BatchNormalization(name=f"{name}_batch_norm"))
            layers.append(keras.layers.Activation(activation, name=f"{name}_activation"))
        else:
            layers.append(keras.layers.Dense(width, activation=activation, name=name, **initializers))
        if dropout:
            layers.append(keras.layers.Dropout(dropout, name=f"dropout_{layer}"))
    return layers


def _widths(hp: keras_tuner.HyperParameters, n_hidden: int, per_layer: bool) -> list[int]:
    """Draw the neurons of each hidden layer, under the condition that there is such a layer."""
    names = [f"n_neurons_{layer}" for layer in range(MAX_HIDDEN)] if per_layer else ["n_neurons"]
    widths = []
    for layer, name in enumerate(names):
        with hp.conditional_scope("n_hidden", _at_least(layer + 1)):
            widths.append(hp.Int(name, 16, 1024, sampling="log", default=256))
    return widths[:n_hidden] if per_layer else widths * n_hidden


def _at_least(n_hidden: int) -> list[int]:
    return list(range(n_hidden, MAX_HIDDEN + 1))
