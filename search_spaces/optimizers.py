"""The optimizer and its learning rate as hyperparameters of all families."""

from __future__ import annotations

from collections.abc import Callable

import keras
import keras_tuner

OPTIMIZERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    # not Nadam: no gain over Adam, and a step takes several times as long where a graph trains the model
    "adamw": keras.optimizers.AdamW,
    "adam": keras.optimizers.Adam,
    # With Nesterov momentum of 0.9 a learning rate works about like ten times that rate without momentum,
    # so that one range of rates suits both SGD and Adam.
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


#: hyperparameter -> the values that are searched unless `--set` names it
KEPT = {"optimizer": "adamw", "learning_rate": "0.0001..0.01"}


def optimizer(hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
    """Draw `optimizer`, `learning_rate` and, of AdamW, `weight_decay`."""
    kind = hp.Choice("optimizer", list(OPTIMIZERS))
    rate = hp.Float("learning_rate", 1e-5, 1e-1, sampling="log", default=1e-3)
    with hp.conditional_scope("optimizer", ["adamw"]):
        decay = hp.Float("weight_decay", 1e-6, 1e-1, sampling="log", default=1e-4)
    return OPTIMIZERS[kind](rate, weight_decay=decay) if kind == "adamw" else OPTIMIZERS[kind](rate)
