"""A model's variables and its optimizer's as the arrays that the kernels work on, and back."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras.src.optimizers import adam, adamw, sgd

from sweeps.training.dense.updates import ADAM, MOMENTUM, NESTEROV, SGD, Floats, Rule
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


class State:
    """The variables of dense layers and of their optimizer, between Keras and the kernels.

    Attributes:
        weights, first, second: float32 (parameters,), as in `kernels.Network`.
    """

    def __init__(self, optimizer: Any, layers: tuple[Any, ...]) -> None:
        self._optimizer = optimizer
        variables = [variable for layer in layers for variable in (layer.kernel, layer.bias)]
        slots = [_slots(optimizer, variable) for variable in variables]
        parameters = sum(int(np.prod(variable.shape)) for variable in variables)
        self.weights = np.empty(parameters, np.float32)
        self.first = np.empty(parameters if slots[0] else 0, np.float32)
        self.second = np.empty(parameters if len(slots[0]) > 1 else 0, np.float32)
        self._views: list[tuple[Any, Floats]] = []
        begin = 0
        for variable, remembered in zip(variables, slots, strict=True):
            end = begin + int(np.prod(variable.shape))
            for each, array in zip((variable, *remembered), (self.weights, self.first, self.second), strict=False):
                self._views.append((each, array[begin:end].reshape(tuple(each.shape))))
            begin = end

    def read(self) -> None:
        """From Keras: a callback may have changed anything."""
        for variable, array in self._views:
            array[...] = variable.numpy()

    def write(self, steps: int) -> None:
        """To Keras, after so many steps."""
        for variable, array in self._views:
            variable.assign(array)
        self._optimizer.iterations.assign_add(steps)

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
