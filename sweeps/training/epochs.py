"""The epochs of one training, with callbacks, metrics and validation as in Keras."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras

from sweeps.training.rows import Order

#: trains on all rows in the given order
TrainEpoch = Callable[[Order], None]
#: adds all validation rows to the model's metrics
Evaluate = Callable[[], None]


@dataclass
class Epochs:
    """The loop over epochs from `on_train_begin` to `on_train_end`.

    Attributes:
        model: a compiled Keras model.
        callbacks: Keras's CallbackList.
        training: trains one epoch; None if there are no epochs.
        validation: evaluates the model, or None.
        validation_freq: as in Keras's `fit`.
        order: the order of the rows, int32 (count,), by epoch.
        timings: the seconds of each epoch are added to "train" and "validate".
    """

    model: Any
    callbacks: Any
    training: TrainEpoch | None
    validation: Evaluate | None
    validation_freq: int | list[int]
    order: Callable[[int], Order]
    timings: dict[str, float]

    def run(self, initial_epoch: int, epochs: int) -> None:
        """Train from `initial_epoch` until `epochs`, or until a callback sets `model.stop_training`."""
        model = self.model
        model.stop_training = False
        self.callbacks.on_train_begin()
        logs = None
        # a callback (BackupAndRestore) may have set the first epoch
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

    def _validate(self, validation: Evaluate) -> dict[str, Any]:
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
