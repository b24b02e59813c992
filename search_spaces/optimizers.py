"""The optimizer and its learning rate as hyperparameters, shared by all families."""

from __future__ import annotations

from collections.abc import Callable

import keras
import keras_tuner

OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    # not Nadam: TensorFlow has no fused kernel for it, a step takes several times as long and gains nothing over Adam
    "adamw": keras.optimizers.AdamW,
    # With Nesterov momentum of 0.9 a learning rate moves SGD about as far as ten times that rate without it.
    # This brings the rates that suit SGD next to those that suit Adam: one range, one name, serves all.
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


def optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Draws `optimizer` and `learning_rate`."""
    kind = hp.Choice("optimizer", list(OPTIMIZERS))
    return OPTIMIZERS[kind](hp.Float("learning_rate", 3e-4, 3e-2, sampling="log", default=1e-3))
