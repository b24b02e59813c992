"""TensorFlow's fused optimizer kernels in place of Keras's updates.

Keras's update of Adam takes about 15 operations for each variable. TensorFlow has one kernel that computes the same
formula in one pass over memory: an epoch of a small network takes two thirds of the time, and tracing it half. Only
optimizers with the kernel's exact formula (constants, order, position of epsilon) are listed; any other keeps its
`update_step`. Clipping, weight decay, gradient accumulation, averages and constraints remain Keras's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

UpdateStep = Callable[[Any, Any, Any], None]


def _sgd(optimizer: keras.optimizers.SGD) -> UpdateStep:
    """`variable -= learning_rate * gradient`, or Keras's momentum with or without Nesterov."""

    def plain(gradient: Any, variable: Any, learning_rate: Any) -> None:
        tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=learning_rate, delta=gradient)

    def momentum(gradient: Any, variable: Any, learning_rate: Any) -> None:
        slot = optimizer.momentums[optimizer._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=variable.handle,
            accum=slot.value.handle,
            lr=learning_rate,
            grad=gradient,
            momentum=optimizer.momentum,
            use_nesterov=optimizer.nesterov,
        )

    return momentum if optimizer.momentum else plain


def _adam(optimizer: keras.optimizers.Adam) -> UpdateStep:
    """Adam with or without AMSGrad; Keras applies AdamW's weight decay before it."""
    powers: dict[Any, tuple[Any, Any]] = {}

    def beta_powers() -> tuple[Any, Any]:
        # the same for all variables of a step: computed once in each graph
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        if graph is None or graph not in powers:
            step = tf.cast(optimizer.iterations + 1, tf.float32)
            powers[graph] = (tf.pow(optimizer.beta_1, step), tf.pow(optimizer.beta_2, step))
        return powers[graph]

    def update(gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = optimizer._get_variable_index(variable)
        beta_1_power, beta_2_power = beta_powers()
        arguments = {
            "var": variable.handle,
            "m": optimizer._momentums[index].value.handle,
            "v": optimizer._velocities[index].value.handle,
            "beta1_power": beta_1_power,
            "beta2_power": beta_2_power,
            "lr": learning_rate,
            "beta1": optimizer.beta_1,
            "beta2": optimizer.beta_2,
            "epsilon": optimizer.epsilon,
            "grad": gradient,
        }
        if optimizer.amsgrad:
            vhat = optimizer._velocity_hats[index].value.handle
            tf.raw_ops.ResourceApplyAdamWithAmsgrad(vhat=vhat, **arguments)
        else:
            tf.raw_ops.ResourceApplyAdam(**arguments)

    return update


# by exact type: a subclass may override the update
FUSED: dict[type, Callable[[Any], UpdateStep]] = {
    keras.optimizers.SGD: _sgd,
    keras.optimizers.Adam: _adam,
    keras.optimizers.AdamW: _adam,
}


def is_fused(optimizer: Any) -> bool:
    """Whether `optimizer` has a fused kernel."""
    return type(optimizer) in FUSED and updates_one_by_one(optimizer)


def updates_one_by_one(optimizer: Any) -> bool:
    """Whether variables are updated independently: not in Nadam, which keeps a product, nor where that was replaced."""
    base = keras.optimizers.Optimizer._backend_update_step
    own = {"_backend_update_step", "update_step"} & vars(optimizer).keys()
    return type(optimizer)._backend_update_step is base and not own


@contextmanager
def plain_updates(optimizer: Any) -> Iterator[None]:
    """Let `optimizer` update its variables one by one, with the fused kernel where there is one.

    Keras uses `tf.distribute`, which copies each gradient and reads the learning rate for each variable.
    """
    target = getattr(optimizer, "inner_optimizer", optimizer)
    if not updates_one_by_one(target):
        yield
        return
    fused = FUSED[type(target)](target) if type(target) in FUSED else None

    def update(gradients: list[Any], variables: list[Any], learning_rate: Any) -> None:
        learning_rate = tf.convert_to_tensor(learning_rate)
        for gradient, variable in zip(gradients, variables, strict=True):
            variable = variable.value if isinstance(variable, keras.Variable) else variable
            if fused is None or isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32:
                target.update_step(gradient, variable, learning_rate)
            else:
                fused(tf.cast(gradient, tf.float32), variable, tf.cast(learning_rate, tf.float32))

    vars(target)["_backend_update_step"] = update
    try:
        yield
    finally:
        del vars(target)["_backend_update_step"]
