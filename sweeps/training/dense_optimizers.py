"""Keras's optimizers as updates of the kernels: their variables, and the numbers of their next steps.

Imports Numba: import this only where `dense_kernels.supported()` returns None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras.src.optimizers import adagrad, adam, adamw, nadam, rmsprop, sgd

from sweeps.dense_kernels import updates

_UNSET = (
    "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "loss_scale_factor", "gradient_accumulation_steps",
    "amsgrad", "centered", "_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern",
)  # fmt: skip


def is_supported(optimizer: Any) -> bool:
    """Whether the kernels implement `optimizer`."""
    replaced = {"_backend_update_step", "update_step"} & vars(optimizer).keys()
    if type(optimizer) not in _UPDATES or replaced or any(getattr(optimizer, name, None) for name in _UNSET):
        return False
    return isinstance(optimizer._learning_rate, keras.Variable) and getattr(optimizer, "epsilon", 1) > 0


def slots_of(optimizer: Any, variable: Any) -> tuple[Any, ...]:
    """The optimizer's slot variables of a variable, in the order of the kernels' moments."""
    slots: tuple[Any, ...]
    if isinstance(optimizer, sgd.SGD):
        slots = (optimizer.momentums,) if optimizer.momentum else ()
    elif isinstance(optimizer, rmsprop.RMSprop):
        slots = (optimizer._velocities, *((optimizer._momentums,) if optimizer.momentum > 0 else ()))
    elif isinstance(optimizer, adagrad.Adagrad):
        slots = (optimizer._accumulators,)
    else:
        slots = (optimizer._momentums, optimizer._velocities)
    index = optimizer._get_variable_index(variable)
    return tuple(variables[index] for variables in slots)


def next_steps(optimizer: Any, steps: int) -> updates.Update:
    """The optimizer's next `steps` steps, at its current learning rate; its own counters are not changed."""
    return _UPDATES[type(optimizer)](optimizer, steps, **_common(optimizer))


def count_steps(optimizer: Any, steps: int) -> None:
    """Change the optimizer's counters as `steps` steps do."""
    if type(optimizer) is nadam.Nadam:
        optimizer._u_product.assign(_nadam(optimizer, steps, **_common(optimizer))[1])
    optimizer.iterations.assign_add(steps)


def _common(optimizer: Any) -> dict[str, Any]:
    return {"learning_rate": optimizer._learning_rate.numpy(), "weight_decay": optimizer.weight_decay or 0}


def _sgd(optimizer: Any, steps: int, **common: Any) -> updates.Update:
    return updates.sgd(steps, momentum=optimizer.momentum, nesterov=optimizer.nesterov, **common)


def _betas(optimizer: Any) -> dict[str, Any]:
    taken = int(optimizer.iterations.numpy())
    return {name: getattr(optimizer, name) for name in ("beta_1", "beta_2", "epsilon")} | {"taken": taken}


def _adam(optimizer: Any, steps: int, **common: Any) -> updates.Update:
    return updates.adam(steps, **_betas(optimizer), **common)


def _nadam(optimizer: Any, steps: int, **common: Any) -> tuple[updates.Update, Any]:
    return updates.nadam(steps, product=optimizer._u_product.numpy(), **_betas(optimizer), **common)


def _rmsprop(optimizer: Any, steps: int, **common: Any) -> updates.Update:
    momentum = max(optimizer.momentum, 0)
    return updates.rmsprop(steps, rho=optimizer.rho, momentum=momentum, epsilon=optimizer.epsilon, **common)


#: by exact type: a subclass may override the update
_UPDATES: dict[type, Callable[..., updates.Update]] = {
    sgd.SGD: _sgd,
    adam.Adam: _adam,
    adamw.AdamW: _adam,
    nadam.Nadam: lambda optimizer, steps, **common: _nadam(optimizer, steps, **common)[0],
    rmsprop.RMSprop: _rmsprop,
    adagrad.Adagrad: lambda optimizer, steps, **common: updates.adagrad(steps, epsilon=optimizer.epsilon, **common),
}
