"""One pass of the kernels over the rows: a training epoch, or a validation."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps.dense_kernels.activations import BY_NAME, LINEAR
from sweeps.dense_kernels.chain import Chain
from sweeps.dense_kernels.kernels import SPARSE, Floats, Memory, Network, train
from sweeps.dense_kernels.products import COLUMN_WORD, WORD, rows_of
from sweeps.dense_kernels.state import State, zeros
from sweeps.dense_kernels.updates import SGD, Rule
from sweeps.training.rows import Order, Rows

#: rows a step of a validation, where it makes no difference: their activations stay in a core's cache
VALIDATION_ROWS = 128
FIRST_STEPS, SECONDS_A_CALL = 256, 0.5
_NONE: Floats = np.empty(0, np.float32)


class _Pass:
    """What training and validation have in common: the rows as arrays, the network, the metrics."""

    def __init__(self, model: Any, chain: Chain, rows: Rows, state: State, batch_size: int) -> None:
        self._model, self._rows, self._state, self._batch_size = model, rows, state, batch_size
        x, y, weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
        self._y, self._weight = y, weight
        self._arrays = (
            _inputs(rows.tensors[keras.tree.flatten(x)[0]]),
            *_targets(rows.tensors[y], chain),
            _NONE if weight is None else _view(tf.cast(rows.tensors[weight], tf.float32)),
        )
        kinds = [BY_NAME.get(layer.activation.__name__, LINEAR) for layer in chain.layers]
        self._network = Network(
            state.widths, state.strides, state.begins, np.array(kinds, np.int64),
            state.weights, state.first, state.second,
            chain.first.shift, chain.first.scale, chain.first.offset, chain.last.scale, chain.last.offset,
            chain.loss, np.float32(chain.loss_weight),
            state.dropouts.thresholds, state.dropouts.scales, state.dropouts.seeds,
        )  # fmt: skip
        self._memory = _memory(state, batch_size)
        self._predictions = np.empty((rows.count, chain.layers[-1].units), np.float32)

    def compile(self) -> None:
        """Load the kernels, which are compiled once a machine; no step is taken."""
        self._steps(np.empty(0, np.int32), Rule(SGD, _NONE, _NONE, _NONE), 0, 0, _NONE)

    def _run(self, order: Order, rule: Rule) -> None:
        """All steps of `order`, in calls of about half a second, so that a signal is met."""
        steps = -(-len(order) // self._batch_size)
        losses = np.empty(steps, np.float32)
        start, size = 0, FIRST_STEPS
        while start < steps:
            stop, began = min(start + size, steps), time.perf_counter()
            self._steps(order, rule, start, stop, losses)
            if time.perf_counter() - began < SECONDS_A_CALL:
                size *= 2
            start = stop
        self._tell_metrics(order, losses)

    def _steps(self, order: Order, rule: Rule, start: int, stop: int, losses: Floats) -> None:
        x, labels, targets, weights = self._arrays
        train(
            self._network, rule, x, labels, targets, weights, order, self._batch_size, start, stop,
            self._memory, losses, self._predictions,
        )  # fmt: skip

    def _tell_metrics(self, order: Order, losses: Floats) -> None:
        """Loss and predictions of all rows, as Keras tells them batch by batch."""
        size = np.full(len(losses), self._batch_size, np.float32)
        size[-1] = len(order) - self._batch_size * (len(losses) - 1)
        self._model._loss_tracker.update_state(losses, sample_weight=size)
        if self._model._compile_metrics is not None:
            tensors = self._rows.tensors
            weight = None if self._weight is None else tf.gather(tensors[self._weight], order)
            self._model._compile_metrics.update_state(tf.gather(tensors[self._y], order), self._predictions, weight)


class DenseTraining(_Pass):
    """One epoch of a chain of dense layers, the last, smaller batch included.

    Args:
        model: a compiled Keras model whose variables exist.
        chain: what it is.
        rows: what to train on.
        state: its variables as arrays.
    """

    def __init__(self, model: Any, chain: Chain, rows: Rows, state: State) -> None:
        super().__init__(model, chain, rows, state, min(rows.batch_size, rows.count))

    def __call__(self, order: Order) -> None:
        """Train on the rows in `order`, int32 (count,)."""
        self._state.read()
        steps = -(-len(order) // self._batch_size)
        self._run(order, self._state.rule(steps))
        self._state.write(steps)


class DenseValidation(_Pass):
    """One evaluation of a chain of dense layers, arguments as for the training."""

    def __init__(self, model: Any, chain: Chain, rows: Rows, state: State) -> None:
        super().__init__(model, chain, rows, state, min(max(rows.batch_size, VALIDATION_ROWS), rows.count))

    def __call__(self) -> None:
        """Add all rows to the model's metrics."""
        self._state.read()
        self._run(self._rows.order(False, 0, 0), Rule(SGD, _NONE, _NONE, _NONE))


def dense_passes(
    model: Any, chain: Chain, training: Rows, validation: Rows | None
) -> tuple[DenseTraining, DenseValidation | None]:
    """Both passes over one state, ready to run."""
    state = State(model.optimizer, chain.layers, chain.dropouts)
    training_pass = DenseTraining(model, chain, training, state)
    training_pass.compile()
    return training_pass, DenseValidation(model, chain, validation, state) if validation is not None else None


def _memory(state: State, rows: int) -> Memory:
    """What a step of at most `rows` rows works in."""
    outputs, slopes, errors = (zeros(rows * int(state.strides.sum())) for _ in range(3))
    transposed = max(rows_of(out + 1) * stride for out, stride in zip(state.widths[1:], state.strides, strict=False))
    widest = int(state.strides.max())
    factors = zeros(rows * widest + 3)
    row_marks = zeros(rows * -(-widest // WORD), np.uint64)
    column_marks = zeros(-(-rows // COLUMN_WORD) * widest, np.uint32)
    return Memory(rows, outputs, slopes, errors, factors, zeros(int(transposed)), row_marks, column_marks)


def _view(tensor: Any) -> Any:
    """The tensor's own memory as an array."""
    return np.asarray(memoryview(tensor))


def _inputs(tensor: Any) -> Any:
    """(n, features), uint8 or float32."""
    if tensor.dtype not in (tf.uint8, tf.float32):
        tensor = tf.cast(tensor, tf.float32)
    return _view(tensor).reshape(tensor.shape[0], -1)


def _targets(tensor: Any, chain: Chain) -> tuple[Any, Any]:
    """Labels, int32 (n,), and targets, float32 (n, outputs); the one that is not asked for is empty."""
    if chain.loss == SPARSE:
        return _view(tf.cast(tensor, tf.int32)).reshape(-1), np.empty((0, 0), np.float32)
    return np.empty(0, np.int32), _view(tf.cast(tensor, tf.float32)).reshape(tensor.shape[0], -1)
