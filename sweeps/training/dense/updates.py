"""Optimizers, in Keras's formulas (`keras/src/optimizers/{sgd,adam}.py`, 3.15)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sweeps.training.dense.compiling import kernel

Floats = npt.NDArray[np.float32]
SGD, MOMENTUM, NESTEROV, ADAM = range(4)


class Rule(NamedTuple):
    """How weights follow from gradients.

    Attributes:
        kind: `SGD`, `MOMENTUM`, `NESTEROV` or `ADAM`.
        rates: float32 (steps,), the learning rate of each step; Adam's with its correction for a young mean.
        decays: float32 (steps,), the share of a weight that a step takes away beforehand.
        numbers: float32 (3,): momentum; or 1 - beta_1, 1 - beta_2 and epsilon.
    """

    kind: int
    rates: Floats
    decays: Floats
    numbers: Floats


@kernel
def update(rule, step, weights, gradients, first, second):  # type: ignore[no-untyped-def]
    """One step of `weights`, float32 (n,), and of what the optimizer remembers of them.

    Args:
        first: float32 (n,): velocity, or Adam's mean of gradients.
        second: float32 (n,): Adam's mean of squared gradients.
    """
    rate, decay = rule.rates[step], rule.decays[step]
    if decay != np.float32(0):
        for i in range(weights.size):
            weights[i] -= weights[i] * decay
    if rule.kind == SGD:
        for i in range(weights.size):
            weights[i] -= rate * gradients[i]
    elif rule.kind == ADAM:
        rest_1, rest_2, epsilon = rule.numbers[0], rule.numbers[1], rule.numbers[2]
        for i in range(weights.size):
            gradient = gradients[i]
            mean = first[i] + (gradient - first[i]) * rest_1
            square = second[i] + (gradient * gradient - second[i]) * rest_2
            first[i], second[i] = mean, square
            weights[i] -= mean * rate / (np.sqrt(square) + epsilon)
    else:
        momentum = rule.numbers[0]
        for i in range(weights.size):
            velocity = first[i] * momentum - rate * gradients[i]
            first[i] = velocity
            weights[i] += velocity * momentum - rate * gradients[i] if rule.kind == NESTEROV else velocity


@kernel
def is_plain(rule, step):  # type: ignore[no-untyped-def]
    """Whether a step is `weights -= rate * gradients` and nothing else."""
    return rule.kind == SGD and rule.decays[step] == np.float32(0)
