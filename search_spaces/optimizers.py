"""The optimizer and its learning rate as hyperparameters of all families."""

from __future__ import annotations

from collections.abc import Callable

import keras
import keras_tuner

OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    # not Nadam: TensorFlow has no fused kernel for it, so a step takes several times as long, without gain over Adam
    "adamw": keras.optimizers.AdamW,
    # With Nesterov momentum of 0.9 a learning rate works about like ten times that rate without momentum,
    # so that one range of rates suits both SGD and Adam.
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


def optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Draw `optimizer` and `learning_rate`."""
    kind = hp.Choice("optimizer", list(OPTIMIZERS))
    return OPTIMIZERS[kind](hp.Float("learning_rate", 3e-4, 3e-2, sampling="log", default=1e-3))
