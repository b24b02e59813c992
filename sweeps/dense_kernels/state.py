"""A model's variables and its optimizer's as the arrays that the kernels work on, and back."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import keras
import numpy as np
from keras.src.optimizers import adam, adamw, sgd

from sweeps.dense_kernels.dropout import Dropouts
from sweeps.dense_kernels.products import rows_of, stride_of
from sweeps.dense_kernels.updates import ADAM, MOMENTUM, NESTEROV, SGD, Floats, Rule
from sweeps.dense_kernels.vectors import BYTES
from sweeps.training.kernels import updates_one_by_one

#: by exact type: a subclass may have an update of its own
OPTIMIZERS = (sgd.SGD, adam.Adam, adamw.AdamW)
_OFF = (
    "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "loss_scale_factor", "gradient_accumulation_steps",
    "amsgrad", "_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern",
)  # fmt: skip


def is_known(optimizer: Any) -> bool:
    """Whether the kernels compute what `optimizer` does."""
    if type(optimizer) not in OPTIMIZERS or not updates_one_by_one(optimizer):
        return False
    if any(getattr(optimizer, name, None) for name in _OFF):
        return False
    return isinstance(optimizer._learning_rate, keras.Variable)


def zeros(size: int, kind: Any = np.float32) -> Any:
    """An array (size,) that begins where a vector may."""
    room = np.zeros(size * np.dtype(kind).itemsize + BYTES, np.uint8)
    begin = -room.ctypes.data % BYTES
    return room[begin : begin + size * np.dtype(kind).itemsize].view(kind)


class State:
    """The variables of dense layers and of their optimizer, between Keras and the kernels.

    Attributes:
        widths, strides, begins: as in `kernels.Network`.
        weights, first, second: float32; of each layer a row of weights for each of its inputs and one for its bias,
            filled up to whole vectors; and what the optimizer remembers of them.
        dropouts: the random states of Dropout layers.
    """

    def __init__(self, optimizer: Any, layers: tuple[Any, ...], dropouts: tuple[Any | None, ...]) -> None:
        self._optimizer = optimizer
        self.dropouts = Dropouts(dropouts)
        units = [layers[0].kernel.shape[0], *(layer.units for layer in layers)]
        self.widths = np.array(units, np.int64)
        self.strides = np.array([stride_of(width + 1) for width in units], np.int64)
        sizes = [rows_of(width + 1) * stride for width, stride in zip(units, self.strides[1:], strict=False)]
        self.begins = np.array([0, *accumulate(sizes[:-1])], np.int64)
        slots = len(_slots(optimizer, layers[0].kernel))
        self.weights, self.first, self.second = (zeros(sum(sizes) if kept else 0) for kept in (1, slots, slots > 1))
        self._views: list[tuple[Any, Floats]] = []
        for layer, begin, size, stride in zip(layers, self.begins, sizes, self.strides[1:], strict=True):
            for variable, rows in ((layer.kernel, slice(layer.kernel.shape[0])), (layer.bias, layer.kernel.shape[0])):
                remembered = _slots(optimizer, variable)
                for each, array in zip((variable, *remembered), (self.weights, self.first, self.second), strict=False):
                    matrix = array[begin : begin + size].reshape(-1, stride)
                    self._views.append((each, matrix[rows, : layer.units]))

    def read(self) -> None:
        """From Keras: a callback may have changed anything."""
        for variable, array in self._views:
            array[...] = variable.numpy()
        self.dropouts.read()

    def write(self, steps: int) -> None:
        """To Keras, after so many steps."""
        for variable, array in self._views:
            variable.assign(array)
        self._optimizer.iterations.assign_add(steps)
        self.dropouts.write(steps)

    def rule(self, steps: int) -> Rule:
        """The optimizer at the learning rate and step that it is at."""
        optimizer = self._optimizer
        rate = np.float32(optimizer._learning_rate.numpy())
        rates = np.full(steps, rate, np.float32)
        decays = rates * np.float32(optimizer.weight_decay or 0)
        if isinstance(optimizer, sgd.SGD):
            kind = (NESTEROV if optimizer.nesterov else MOMENTUM) if optimizer.momentum else SGD
            return Rule(kind, rates, decays, np.array([optimizer.momentum, 0, 0], np.float32))
        step = int(optimizer.iterations.numpy()) + 1 + np.arange(steps, dtype=np.float32)
        powers = [np.float32(beta) ** step for beta in (optimizer.beta_1, optimizer.beta_2)]
        rates *= np.sqrt(1 - powers[1]) / (1 - powers[0])
        numbers = [1 - optimizer.beta_1, 1 - optimizer.beta_2, optimizer.epsilon]
        return Rule(ADAM, rates.astype(np.float32), decays, np.array(numbers, np.float32))


def _slots(optimizer: Any, variable: Any) -> tuple[Any, ...]:
    """What the optimizer remembers of a variable."""
    index = optimizer._get_variable_index(variable)
    if isinstance(optimizer, sgd.SGD):
        return (optimizer.momentums[index],) if optimizer.momentum else ()
    return optimizer._momentums[index], optimizer._velocities[index]
