"""How the learning rate moves over a trial's epochs, as a hyperparameter that all families share.

A schedule is a callback of Keras's own that sets the rate once an epoch: the training needs no step for it, and a trial
that goes on from epoch k no count of steps. Exponential and cosine decay are functions of the epoch and of the epochs
in all; "performance" is one of the losses so far.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import keras_tuner


def _exponential(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """A tenth of the rate at the end."""
    return _by_epoch(keras.optimizers.schedules.ExponentialDecay(rate, epochs, 0.1))


def _cosine(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """Slowly, then fast, then slowly towards 0."""
    return _by_epoch(keras.optimizers.schedules.CosineDecay(rate, epochs))


def _performance(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """Half the rate when the loss has not fallen for a tenth of the epochs."""
    return keras.callbacks.ReduceLROnPlateau(monitor, factor=0.5, patience=max(1, epochs // 10), mode="min")


#: name -> callback of the learning rate to begin with, the epochs in all, and the loss to watch
SCHEDULES: dict[str, Callable[[float, int, str], keras.callbacks.Callback] | None] = {
    "constant": None,
    "exponential": _exponential,
    "cosine": _cosine,
    "performance": _performance,
}


def schedule(hp: keras_tuner.HyperParameters, epochs: int, validated: bool) -> list[keras.callbacks.Callback]:
    """Draws `schedule`; the callback that follows it, or none where the rate stays as it is.

    Args:
        hp: a trial's hyperparameters, `learning_rate` among them.
        epochs: of the whole training.
        validated: whether there is a validation loss to watch.
    """
    make = SCHEDULES[hp.Choice("schedule", list(SCHEDULES))]
    if make is None:
        return []
    return [make(hp.get("learning_rate"), epochs, "val_loss" if validated else "loss")]


def _by_epoch(decay: keras.optimizers.schedules.LearningRateSchedule) -> keras.callbacks.Callback:
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: float(decay(epoch)))
