"""A training epoch and a validation by `sweeps.dense_kernels`.

Imports Numba: import this only where `dense_kernels.supported()` returns None.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps.dense_kernels import updates
from sweeps.dense_kernels.network import Floats, Parameters
from sweeps.dense_kernels.runner import Runner
from sweeps.training.dense_chain import Chain
from sweeps.training.dense_optimizers import count_steps, next_steps, slots_of
from sweeps.training.rows import Order, Rows

#: minimum batch size of a validation, whose results do not depend on it: activations stay in a core's cache
VALIDATION_ROWS = 128


class State:
    """The variables of a chain and its optimizer, copied between Keras and the kernels."""

    def __init__(self, optimizer: Any, chain: Chain) -> None:
        self._optimizer, blocks = optimizer, chain.blocks
        parameters = Parameters(chain.network, moments=len(slots_of(optimizer, blocks[0].dense.kernel)))
        self.parameters = parameters
        self._views: list[tuple[Any, Floats]] = []
        for i, block in enumerate(blocks):
            rows = [parameters.kernels(i)]
            if block.dense.bias is not None:
                rows.append(parameters.biases(i))
            if block.normalization is not None:
                rows += [parameters.gammas(i), parameters.betas(i)]
                moving = block.normalization.moving_mean, block.normalization.moving_variance
                self._views += zip(moving, parameters.moving_statistics(i), strict=True)
            for variable, arrays in zip(block.variables, rows, strict=True):
                self._views += zip((variable, *slots_of(optimizer, variable)), arrays, strict=True)
        states = zip(blocks, parameters.dropout_states, strict=True)
        self._states: list[tuple[Any, Any]] = [
            (block.dropout.seed_generator.state, state) for block, state in states if block.dropout is not None
        ]

    def read(self) -> None:
        """Copy the variables from Keras; callbacks may have changed them."""
        for variable, array in (*self._views, *self._states):
            array[...] = variable.numpy()

    def write(self, steps: int) -> None:
        """Copy the variables to Keras, after `steps` steps."""
        for variable, array in self._views:
            variable.assign(array)
        count_steps(self._optimizer, steps)
        for state, _ in self._states:
            state.assign_add(np.array([0, steps]))


class _Pass:
    """One run of the kernels over rows.

    Args:
        model: a compiled and built Keras model.
        chain: the model as a chain.
        rows: the rows to train or to validate on.
        state: the chain's variables.
        batch_size: rows a step.
    """

    def __init__(self, model: Any, chain: Chain, rows: Rows, state: State, batch_size: int) -> None:
        self._model, self._rows, self._state = model, rows, state
        x, y, weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
        self._y, self._weight = y, weight
        self.runner = Runner(
            chain.network,
            state.parameters,
            _inputs(rows.tensors[keras.tree.flatten(x)[0]]),
            _targets(rows.tensors[y], sparse=chain.network.loss == "sparse_categorical_crossentropy"),
            None if weight is None else _view(tf.cast(rows.tensors[weight], tf.float32)),
            batch_size,
        )

    def _run(self, order: Order, update: updates.Update | None) -> None:
        """Run all steps of `order` and update the metrics, which gives what Keras's update after each batch gives."""
        losses, predictions = self.runner.run(order, update)
        sizes = np.full(len(losses), self.runner.batch_size, np.float32)
        sizes[-1] = len(order) - self.runner.batch_size * (len(losses) - 1)
        self._model._loss_tracker.update_state(losses, sample_weight=sizes)
        if self._model._compile_metrics is not None:
            tensors = self._rows.tensors
            weight = None if self._weight is None else tf.gather(tensors[self._weight], order)
            self._model._compile_metrics.update_state(tf.gather(tensors[self._y], order), predictions, weight)


class DenseTraining(_Pass):
    """One epoch of a chain of dense layers, including the last, smaller batch."""

    def __call__(self, order: Order) -> None:
        """Train on the rows in `order`, int32 (count,)."""
        self._state.read()
        steps = -(-len(order) // self.runner.batch_size)
        self._run(order, next_steps(self._model.optimizer, steps))
        self._state.write(steps)


class DenseValidation(_Pass):
    """One evaluation of a chain of dense layers."""

    def __call__(self) -> None:
        """Add all rows to the model's metrics."""
        self._state.read()
        self._run(self._rows.order(False, 0, 0), None)


def dense_passes(
    model: Any, chain: Chain, training: Rows, validation: Rows | None
) -> tuple[DenseTraining, DenseValidation | None]:
    """Training and validation of one model, compiled.

    Raises:
        Exception: any of Numba's: the kernels cannot be compiled.
    """
    state = State(model.optimizer, chain)
    training_pass = DenseTraining(model, chain, training, state, min(training.batch_size, training.count))
    training_pass.runner.compile()
    if validation is None:
        return training_pass, None
    size = min(max(validation.batch_size, VALIDATION_ROWS), validation.count)
    return training_pass, DenseValidation(model, chain, validation, state, size)


def _view(tensor: Any) -> Any:
    """The tensor's memory as an array, without a copy."""
    return np.asarray(memoryview(tensor))


def _inputs(tensor: Any) -> Any:
    """The inputs, uint8 or float32 (n, features)."""
    if tensor.dtype not in (tf.uint8, tf.float32):
        tensor = tf.cast(tensor, tf.float32)
    return _view(tensor).reshape(tensor.shape[0], -1)


def _targets(tensor: Any, *, sparse: bool) -> Any:
    """The labels, int32 (n,), or the targets, float32 (n, outputs)."""
    if sparse:
        return _view(tf.cast(tensor, tf.int32)).reshape(-1)
    return _view(tf.cast(tensor, tf.float32)).reshape(tensor.shape[0], -1)
