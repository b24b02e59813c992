"""A callback for `sweeps run --callback`, which adds test rows' figures and the time to each epoch's logs."""

from __future__ import annotations

import os
import time
from typing import Any

import keras
import numpy as np

#: names the .npz file
VARIABLE = "SWEEPS_TABLE_DATA"


class OnTestRows(keras.callbacks.Callback):  # type: ignore[misc]
    """Adds `test_loss` and, of classes, `test_accuracy`, and `cpu_seconds`; the training is not changed by it.

    The time is the processor's, which other work on the machine hardly changes: a worker has one thread. It is that of
    the epochs, without this callback's own; a trial that is continued in another process goes on from what it had.
    """

    def __init__(self) -> None:
        super().__init__()
        with np.load(os.environ[VARIABLE]) as file:
            self._x, self._y = file["x_test"], file["y_test"]
        self._spent = self._begun = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The clock goes on."""
        self._begun = time.process_time()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Predict, without tracing a graph for it."""
        assert logs is not None
        self._spent += time.process_time() - self._begun
        logs["cpu_seconds"] = self._spent
        self._predict(logs)

    def _predict(self, logs: dict[str, Any]) -> None:
        predicted = np.asarray(self.model(self._x, training=False), np.float64)
        if self._y.dtype.kind == "f":
            logs["test_loss"] = float(np.square(predicted[:, 0] - self._y).mean())
            return
        if predicted.shape[1] == 1:
            predicted = np.concatenate([1 - predicted, predicted], axis=1)
        of_label = predicted[np.arange(len(self._y)), self._y]
        logs["test_loss"] = float(-np.log(np.maximum(of_label, 1e-7)).mean())
        logs["test_accuracy"] = float((predicted.argmax(axis=1) == self._y).mean())
