"""Optimizers, in Keras's formulas (`keras/src/optimizers/{sgd,adam}.py`, 3.15)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.compiling import inlined
from sweeps.dense_kernels.vectors import load_as, over_root, store

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


@inlined
def update(rule, step, gradient, weights, first, second):  # type: ignore[no-untyped-def]
    """One step of the optimizer.

    Args:
        gradient: vectors.
        weights, first, second: the addresses of as many weights and of what the optimizer remembers of them: its
            velocity, or Adam's means of gradients and of their squares.
    """
    rate, decay = rule.rates[step], rule.decays[step]
    w = load_as(gradient, weights)
    if decay != np.float32(0):
        w = w - w * decay
    if rule.kind == SGD:
        w = w - gradient * rate
    elif rule.kind == ADAM:
        mean, square = load_as(gradient, first), load_as(gradient, second)
        mean = mean + (gradient - mean) * rule.numbers[0]
        square = square + (gradient * gradient - square) * rule.numbers[1]
        store(mean, first)
        store(square, second)
        w = w - over_root(mean, square, rule.numbers[2]) * rate
    else:
        momentum = rule.numbers[0]
        velocity = load_as(gradient, first) * momentum - gradient * rate
        store(velocity, first)
        w = w + (velocity * momentum - gradient * rate if rule.kind == NESTEROV else velocity)
    store(w, weights)
