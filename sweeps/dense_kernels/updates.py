"""Optimizers, in Keras's formulas (`keras/src/optimizers/{sgd,adam}.py`, 3.15)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.compiling import jit_inlined
from sweeps.dense_kernels.vectors import divide_by_root, load_like, store

Floats = npt.NDArray[np.float32]
SGD, MOMENTUM, NESTEROV, ADAM = range(4)


class Update(NamedTuple):
    """The optimizer's parameters for a number of steps.

    Attributes:
        kind: `SGD`, `MOMENTUM`, `NESTEROV` or `ADAM`.
        rates: float32 (steps,), the learning rate of each step, for Adam with its bias correction.
        decays: float32 (steps,), the share of each weight that is subtracted before a step.
        constants: float32 (3,): the momentum; or `1 - beta_1`, `1 - beta_2` and `epsilon`.
    """

    kind: int
    rates: Floats
    decays: Floats
    constants: Floats


_NONE: Floats = np.empty(0, np.float32)
#: no steps: predict only
NO_UPDATE = Update(SGD, _NONE, _NONE, _NONE)


def sgd(
    steps: int, learning_rate: float, *, weight_decay: float = 0.0, momentum: float = 0.0, nesterov: bool = False
) -> Update:
    """`v = momentum * v - rate * g; w += v` (Nesterov: `w += momentum * v - rate * g`); `w -= rate * g` without
    momentum. Before it, `rate * weight_decay * w` is subtracted from each weight."""
    rates = np.full(steps, learning_rate, np.float32)
    kind = (NESTEROV if nesterov else MOMENTUM) if momentum else SGD
    return Update(kind, rates, rates * np.float32(weight_decay), np.array([momentum, 0, 0], np.float32))


def adam(
    steps: int,
    learning_rate: float,
    *,
    taken: int,
    weight_decay: float = 0.0,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> Update:
    """`m += (g - m) * (1 - beta_1); v += (g² - v) * (1 - beta_2); w -= rate_t * m / (sqrt(v) + epsilon)` with
    `rate_t = rate * sqrt(1 - beta_2**t) / (1 - beta_1**t)` at step t.

    Args:
        taken: the number of steps before these.
        weight_decay: `rate * weight_decay * w` is subtracted from each weight before a step (AdamW).
    """
    rates = np.full(steps, learning_rate, np.float32)
    decays = rates * np.float32(weight_decay)
    step = taken + 1 + np.arange(steps, dtype=np.float32)
    powers = [np.float32(beta) ** step for beta in (beta_1, beta_2)]
    rates *= np.sqrt(1 - powers[1]) / (1 - powers[0])
    constants = np.array([1 - beta_1, 1 - beta_2, epsilon], np.float32)
    return Update(ADAM, rates.astype(np.float32), decays, constants)


@jit_inlined
def update_weights(update, step, gradient, weights, moment_1, moment_2):  # type: ignore[no-untyped-def]
    """One step of the optimizer.

    Args:
        update, step: an `Update`, and the index of the step in it.
        gradient: vectors.
        weights, moment_1, moment_2: addresses of as many weights and their moments (a velocity, or Adam's running
            means of the gradient and its square).
    """
    rate, decay = update.rates[step], update.decays[step]
    w = load_like(gradient, weights)
    if decay != np.float32(0):
        w = w - w * decay
    if update.kind == SGD:
        w = w - gradient * rate
    elif update.kind == ADAM:
        mean, square = load_like(gradient, moment_1), load_like(gradient, moment_2)
        mean = mean + (gradient - mean) * update.constants[0]
        square = square + (gradient * gradient - square) * update.constants[1]
        store(mean, moment_1)
        store(square, moment_2)
        w = w - divide_by_root(mean, square, update.constants[2]) * rate
    else:
        momentum = update.constants[0]
        velocity = load_like(gradient, moment_1) * momentum - gradient * rate
        store(velocity, moment_1)
        w = w + (velocity * momentum - gradient * rate if update.kind == NESTEROV else velocity)
    store(w, weights)
