"""Many steps as one graph: a loop that gathers each batch from resident tensors."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from sweeps.training.compilation import without_rewriting
from sweeps.training.deferred import Deferred
from sweeps.training.rows import Rows

FIRST_STEPS = 256
SECONDS_A_CALL = 0.5


class StepLoop:
    """Runs `step` for each batch of an order of rows.

    The number of steps is an argument of the graph: a call of no steps traces and compiles it and changes nothing.

    Args:
        step: takes a packed batch; called while tracing.
        rows: the resident tensors and their structure.
        batch_size: rows a step.
        ragged: the last batch may be smaller. The batch size is then unknown to the graph, as in Keras; XLA does not
            support that.
        xla: compile with XLA.
        deferred: gets the results of all steps; None where `step` returns none.
    """

    def __init__(
        self,
        step: Callable[[Any], Any],
        rows: Rows,
        batch_size: int,
        *,
        ragged: bool = False,
        xla: bool = False,
        deferred: Deferred | None = None,
    ) -> None:
        self._step = step
        self._deferred = deferred
        self._rows = rows
        self._batch_size = batch_size
        self._ragged = ragged
        self._function = tf.function(self._run, jit_compile=xla, autograph=False)
        # one graph for each model is intended: TensorFlow would warn of retracing from the fifth trial on
        self._function._omit_frequent_tracing_warning = True

    def compile(self, count: int) -> None:
        """Trace (and compile) for orders of `count` rows; no step is taken."""
        self._call(tf.constant(np.arange(count, dtype=np.int32)), 0, 0)

    def __call__(self, order: np.ndarray[Any, np.dtype[np.int32]]) -> None:
        """Take all steps of `order`, int32 (rows,), in calls of about half a second: signals are handled in between."""
        steps = -(-len(order) // self._batch_size) if self._ragged else len(order) // self._batch_size
        resident_order = tf.constant(order)
        start, size = 0, FIRST_STEPS
        while start < steps:
            stop = min(start + size, steps)
            began = time.perf_counter()
            self._call(resident_order, start, stop)
            if time.perf_counter() - began < SECONDS_A_CALL:
                size *= 2
            start = stop

    def _call(self, order: Any, start: int, stop: int) -> None:
        with without_rewriting():
            done = self._function(order, tf.constant(start), tf.constant(stop), *self._rows.tensors)
            done.numpy()  # waits for the result, so that the caller measures the time

    def _run(self, order: Any, start: Any, stop: Any, *tensors: Any) -> Any:
        size = self._batch_size
        specs = self._deferred.specs if self._deferred else ()
        arrays = [tf.TensorArray(spec.dtype, stop - start, element_shape=spec.shape) for spec in specs]

        def batch(rows: Any) -> Any:
            return self._rows.pack([tf.gather(tensor, rows) for tensor in tensors])

        def body(index: Any, arrays: list[Any]) -> tuple[Any, list[Any]]:
            begin = index * size
            rows = order[begin : begin + size] if self._ragged else tf.slice(order, [begin], [size])
            results = self._step(batch(rows))
            if self._deferred:
                arrays = [array.write(index - start, result) for array, result in zip(arrays, results, strict=True)]
            return index + 1, arrays

        done, arrays = tf.while_loop(lambda index, _: index < stop, body, (start, arrays), parallel_iterations=1)
        if self._deferred:
            self._deferred.update_metrics(batch(order[start * size : stop * size]), [array.stack() for array in arrays])
        return done
