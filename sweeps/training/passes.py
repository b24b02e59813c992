"""A training epoch and a validation by graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps.training.compilation import use_xla
from sweeps.training.deferred import Deferred, can_be_deferred, is_mean_over_rows
from sweeps.training.handover import HandoverError
from sweeps.training.kernels import plain_updates
from sweeps.training.loop import StepLoop
from sweeps.training.rows import Order, Rows

# Tracing a second graph for the last, smaller batch takes as long as running it eagerly in so many epochs.
EPOCHS_FOR_REST_GRAPH = 8
# The same for the batches of all validations. An eager batch takes 10 ms at least, so these are large; in a graph
# they should fit a core's cache.
STEPS_FOR_VALIDATION_GRAPH = 8
BYTES_WITHOUT_GRAPH, BYTES_IN_GRAPH = 16_000_000, 2_000_000


class TrainingPass:
    """One epoch: all full batches as one graph of static shapes, then the last, smaller batch.

    Args:
        model: a compiled and built Keras model.
        rows: the rows to train on.
        epochs: the number of remaining epochs.
        jit: see `use_xla`.
    """

    def __init__(self, model: Any, rows: Rows, epochs: int, jit: bool | str) -> None:
        self._model = model
        self._rows = rows
        if jit == "auto" and any(tensor.dtype == tf.string for tensor in rows.tensors):
            jit = False  # XLA does not support text
        self.xla = xla = use_xla(jit, model, rows.full_steps * epochs)
        # Keras weights the batches of an output's loss by their size, which is unknown to its graph where the last
        # batch is smaller: the result is the same only in one ragged graph
        self._in_one = rows.rest > 0 and _tracks_losses_of_outputs(model) and not xla
        if xla or self._in_one or not can_be_deferred(model, rows):
            self._full = StepLoop(self._step, rows, rows.batch_size, ragged=self._in_one, xla=xla)
        else:
            self._deferred = Deferred(model, rows.batch_size)
            self._full = StepLoop(self._deferred_step, rows, rows.batch_size, deferred=self._deferred)
        self._rest: StepLoop | None = None
        if rows.rest and not self._in_one and epochs > EPOCHS_FOR_REST_GRAPH:
            self._rest = StepLoop(self._step, rows, rows.rest)

    def compile(self) -> None:
        """Trace and compile; no step is taken."""
        if self._in_one or self._rows.full_steps:
            self._full.compile(self._rows.count)
        if self._rest is not None:
            self._rest.compile(self._rows.rest)

    def __call__(self, order: Order) -> None:
        """Train on the rows in `order`, int32 (count,)."""
        if self._in_one or self._rows.full_steps:
            self._full(order)
        if self._rows.rest and not self._in_one:
            last = order[-self._rows.rest :]
            if self._rest is not None:
                self._rest(last)
            else:
                self._step(self._rows.pack([tf.gather(tensor, last) for tensor in self._rows.tensors]))

    def _deferred_step(self, batch: Any) -> Any:
        with plain_updates(self._model.optimizer):
            return self._deferred.step(batch)

    def _step(self, batch: Any) -> None:
        with plain_updates(self._model.optimizer):
            logs = self._model.train_step(batch)
        _check_logs(self._model, logs)


class ValidationPass:
    """One evaluation of the rows in their order.

    Where loss and metrics are means over rows, the batch size does not change them: large batches are used, eagerly
    where there are few. Otherwise the batches are Keras's.

    Args:
        model: a compiled and built Keras model.
        rows: the rows to validate on.
        epochs: the number of remaining epochs.
    """

    def __init__(self, model: Any, rows: Rows, epochs: int) -> None:
        self._model = model
        self._rows = rows
        self._loop: StepLoop | None = None
        any_size = is_mean_over_rows(model, rows)
        if any_size:
            self._rows = _with_batches_of(rows, BYTES_WITHOUT_GRAPH)
        # as in training: only in a graph is the batch size unknown, by which Keras weights an output's loss
        if self._rows.steps * epochs > STEPS_FOR_VALIDATION_GRAPH or _tracks_losses_of_outputs(model):
            self._rows = _with_batches_of(rows, BYTES_IN_GRAPH) if any_size else rows
            self._loop = StepLoop(self._step, self._rows, self._rows.batch_size, ragged=True)

    def compile(self) -> None:
        """Trace; no step is taken."""
        if self._loop is not None:
            self._loop.compile(self._rows.count)

    def __call__(self) -> None:
        """Add all rows to the model's metrics."""
        if self._loop is not None:
            self._loop(self._rows.order(False, 0, 0))
            return
        rows = self._rows
        for start in range(rows.start, rows.stop, rows.batch_size):
            stop = min(start + rows.batch_size, rows.stop)
            self._step(rows.pack([tensor[start:stop] for tensor in rows.tensors]))

    def _step(self, batch: Any) -> None:
        _check_logs(self._model, self._model.test_step(batch))


def _with_batches_of(rows: Rows, size: int) -> Rows:
    """The rows in batches of about `size` bytes as float32, and not smaller than before."""
    numbers = sum(int(np.prod(tensor.shape[1:])) for tensor in rows.tensors)
    return replace(rows, batch_size=max(rows.batch_size, size // (4 * max(1, numbers))))


def _tracks_losses_of_outputs(model: Any) -> bool:
    return model._compile_loss is not None and len(model._compile_loss.metrics) > 0


def _check_logs(model: Any, logs: Any) -> None:
    """Raise `HandoverError` where a model's `compute_metrics` adds logs, of which Keras reports the last step's."""
    if type(model).compute_metrics is keras.Model.compute_metrics:
        return
    if not isinstance(logs, dict) or set(logs) != set(model.get_metrics_result()):
        raise HandoverError("the model's own compute_metrics returns other names than its metrics")
