"""The epochs of one training, with callbacks, metrics and validation where Keras has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from sweeps.training.rows import Order


class OneEpoch(Protocol):
    """Training on all rows, in an order."""

    def __call__(self, order: Order) -> None: ...


class OneEvaluation(Protocol):
    """All rows told to the model's metrics."""

    def __call__(self) -> None: ...


@dataclass
class Epochs:
    """What runs between `on_train_begin` and `on_train_end`.

    Attributes:
        model: a compiled Keras model.
        callbacks: Keras's CallbackList.
        training: one epoch.
        validation: one evaluation, or None.
        validation_freq: Keras's argument.
        order: the rows of an epoch, in order.
        timings: seconds; "train" and "validate" are added to.
    """

    model: Any
    callbacks: Any
    training: OneEpoch | None
    validation: OneEvaluation | None
    validation_freq: int | list[int]
    order: Callable[[int], Order]
    timings: dict[str, float]

    def run(self, initial_epoch: int, epochs: int) -> None:
        """Train from `initial_epoch` until `epochs`, or until a callback sets `model.stop_training`."""
        model = self.model
        model.stop_training = False
        self.callbacks.on_train_begin()
        logs = None
        # A callback (BackupAndRestore) may know better where to start.
        for epoch in range(model._initial_epoch or initial_epoch, epochs):
            model.reset_metrics()
            self.callbacks.on_epoch_begin(epoch)
            logs = self._train(epoch)
            if self.validation is not None and model._should_eval(epoch, self.validation_freq):
                logs |= {f"val_{name}": value for name, value in self._validate(self.validation).items()}
            self.callbacks.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        if epochs > 0:
            model.optimizer.finalize_variable_values(model.trainable_weights)
        self.callbacks.on_train_end(logs=logs)

    def _train(self, epoch: int) -> dict[str, Any]:
        assert self.training is not None
        began = time.perf_counter()
        self.training(self.order(epoch))
        logs = _metrics(self.model)
        self.timings["train"] += time.perf_counter() - began
        return logs

    def _validate(self, validation: OneEvaluation) -> dict[str, Any]:
        began = time.perf_counter()
        self.model.stop_evaluating = False
        self.callbacks.on_test_begin()
        self.model.reset_metrics()
        validation()
        logs = _metrics(self.model)
        self.callbacks.on_test_end(logs)
        self.timings["validate"] += time.perf_counter() - began
        return logs


def _metrics(model: Any) -> dict[str, Any]:
    """The metrics as Python floats (or arrays, where a metric is no scalar)."""
    logs: dict[str, Any] = keras.src.utils.python_utils.pythonify_logs(model.get_metrics_result())
    return logs
