"""One pass of `sweeps.dense_kernels` over the rows: a training epoch, or a validation.

Imports Numba: only where `dense_kernels.supported()` has no objection.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.optimizers import sgd

from sweeps.dense_kernels import updates
from sweeps.dense_kernels.network import Floats, Parameters
from sweeps.dense_kernels.runner import Runner
from sweeps.training.dense_chain import Chain
from sweeps.training.rows import Order, Rows

#: rows a step of a validation, where it makes no difference: their activations stay in a core's cache
VALIDATION_ROWS = 128


class State:
    """The variables of a chain and of its optimizer, between Keras and the kernels."""

    def __init__(self, optimizer: Any, chain: Chain) -> None:
        self._optimizer, self._dropouts = optimizer, chain.dropouts
        self.parameters = Parameters(chain.network, moments=len(_moments(optimizer, chain.layers[0].kernel)))
        self._views: list[tuple[Any, Floats]] = []
        for i, layer in enumerate(chain.layers):
            for variable, arrays in (
                (layer.kernel, self.parameters.kernels(i)),
                (layer.bias, self.parameters.biases(i)),
            ):
                self._views += zip((variable, *_moments(optimizer, variable)), arrays, strict=True)

    def read(self) -> None:
        """From Keras: a callback may have changed anything."""
        for variable, array in self._views:
            array[...] = variable.numpy()
        for dropout, state in zip(self._dropouts, self.parameters.dropout_states, strict=True):
            if dropout is not None:
                state[...] = dropout.seed_generator.state.numpy()

    def write(self, steps: int) -> None:
        """To Keras, after so many steps."""
        for variable, array in self._views:
            variable.assign(array)
        self._optimizer.iterations.assign_add(steps)
        for dropout in self._dropouts:
            if dropout is not None:
                dropout.seed_generator.state.assign_add(np.array([0, steps]))

    def update(self, steps: int) -> updates.Update:
        """The optimizer's next steps, at the learning rate that it has now."""
        optimizer = self._optimizer
        rate, decay = optimizer._learning_rate.numpy(), optimizer.weight_decay or 0
        if isinstance(optimizer, sgd.SGD):
            return updates.sgd(
                steps, rate, weight_decay=decay, momentum=optimizer.momentum, nesterov=optimizer.nesterov
            )
        return updates.adam(
            steps,
            rate,
            taken=int(optimizer.iterations.numpy()),
            weight_decay=decay,
            beta_1=optimizer.beta_1,
            beta_2=optimizer.beta_2,
            epsilon=optimizer.epsilon,
        )


def _moments(optimizer: Any, variable: Any) -> tuple[Any, ...]:
    """What the optimizer remembers of a variable."""
    index = optimizer._get_variable_index(variable)
    if isinstance(optimizer, sgd.SGD):
        return (optimizer.momentums[index],) if optimizer.momentum else ()
    return optimizer._momentums[index], optimizer._velocities[index]


class _Pass:
    """What training and validation have in common: the rows as arrays, the metrics."""

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
        """All steps of `order`, and what the metrics are told of them: as Keras tells them batch by batch."""
        losses, predictions = self.runner.run(order, update)
        sizes = np.full(len(losses), self.runner.batch_size, np.float32)
        sizes[-1] = len(order) - self.runner.batch_size * (len(losses) - 1)
        self._model._loss_tracker.update_state(losses, sample_weight=sizes)
        if self._model._compile_metrics is not None:
            tensors = self._rows.tensors
            weight = None if self._weight is None else tf.gather(tensors[self._weight], order)
            self._model._compile_metrics.update_state(tf.gather(tensors[self._y], order), predictions, weight)


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
        steps = -(-len(order) // self.runner.batch_size)
        self._run(order, self._state.update(steps))
        self._state.write(steps)


class DenseValidation(_Pass):
    """One evaluation of a chain of dense layers, arguments as for the training."""

    def __init__(self, model: Any, chain: Chain, rows: Rows, state: State) -> None:
        super().__init__(model, chain, rows, state, min(max(rows.batch_size, VALIDATION_ROWS), rows.count))

    def __call__(self) -> None:
        """Add all rows to the model's metrics."""
        self._state.read()
        self._run(self._rows.order(False, 0, 0), None)


def dense_passes(
    model: Any, chain: Chain, training: Rows, validation: Rows | None
) -> tuple[DenseTraining, DenseValidation | None]:
    """Both passes over one state, ready to run.

    Raises:
        Exception: of Numba's; the kernels cannot be compiled.
    """
    state = State(model.optimizer, chain)
    training_pass = DenseTraining(model, chain, training, state)
    training_pass.runner.compile()
    return training_pass, DenseValidation(model, chain, validation, state) if validation is not None else None


def _view(tensor: Any) -> Any:
    """The tensor's own memory as an array."""
    return np.asarray(memoryview(tensor))


def _inputs(tensor: Any) -> Any:
    """(n, features), uint8 or float32."""
    if tensor.dtype not in (tf.uint8, tf.float32):
        tensor = tf.cast(tensor, tf.float32)
    return _view(tensor).reshape(tensor.shape[0], -1)


def _targets(tensor: Any, *, sparse: bool) -> Any:
    """Labels, int32 (n,), or targets, float32 (n, outputs)."""
    if sparse:
        return _view(tf.cast(tensor, tf.int32)).reshape(-1)
    return _view(tf.cast(tensor, tf.float32)).reshape(tensor.shape[0], -1)
