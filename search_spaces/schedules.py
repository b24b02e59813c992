"""The learning rate schedule as a hyperparameter of all families.

A schedule is a Keras callback that sets the rate once per epoch, so that a resumed trial needs no count of steps.
Exponential and cosine decay depend on the epoch and the total number of epochs, "performance" on the losses so far.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import keras_tuner


def _exponential(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """Decay to a tenth of the rate."""
    return _by_epoch(keras.optimizers.schedules.ExponentialDecay(rate, epochs, 0.1))


def _cosine(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """Cosine decay to 0."""
    return _by_epoch(keras.optimizers.schedules.CosineDecay(rate, epochs))


def _performance(rate: float, epochs: int, monitor: str) -> keras.callbacks.Callback:
    """Halve the rate when the loss has not decreased for a tenth of the epochs."""
    return keras.callbacks.ReduceLROnPlateau(monitor, factor=0.5, patience=max(1, epochs // 10), mode="min")


#: name -> function of the initial learning rate, the total number of epochs, and the name of the monitored loss
SCHEDULES: dict[str, Callable[[float, int, str], keras.callbacks.Callback] | None] = {
    "constant": None,
    "exponential": _exponential,
    "cosine": _cosine,
    "performance": _performance,
}


def schedule(hp: keras_tuner.HyperParameters, epochs: int, validated: bool) -> list[keras.callbacks.Callback]:
    """Draw `schedule`.

    Args:
        hp: a trial's hyperparameters, with a `learning_rate`.
        epochs: the total number of epochs.
        validated: whether there is a validation loss to monitor.

    Returns:
        The callback of the schedule; none for a constant rate.
    """
    make = SCHEDULES[hp.Choice("schedule", list(SCHEDULES))]
    if make is None:
        return []
    return [make(hp.get("learning_rate"), epochs, "val_loss" if validated else "loss")]


def _by_epoch(decay: keras.optimizers.schedules.LearningRateSchedule) -> keras.callbacks.Callback:
    return keras.callbacks.LearningRateScheduler(lambda epoch, rate: float(decay(epoch)))
