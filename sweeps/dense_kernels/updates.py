"""Optimizers, in Keras's formulas (`keras/src/optimizers/{sgd,adam,nadam,rmsprop,adagrad}.py`, 3.15)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.compiling import jit_inlined
from sweeps.dense_kernels.vectors import divide_by_root, load_like, store

Floats = npt.NDArray[np.float32]
SGD, MOMENTUM, NESTEROV, ADAM, NADAM, RMSPROP = range(6)


class Update(NamedTuple):
    """The optimizer's parameters for a number of steps.

    Attributes:
        kind: `SGD`, `MOMENTUM`, `NESTEROV`, `ADAM`, `NADAM` or `RMSPROP` (Adagrad too).
        rates: float32 (steps,), the learning rate of each step, for Adam and Nadam with the bias correction.
        decays: float32 (steps,), the share of each weight that is subtracted before a step.
        constants: float32: the momentum; or `1 - beta_1`, `1 - beta_2` and `epsilon`; or the factors of the mean square
            and of the gradient's square, `epsilon` and the momentum.
        gradient_rates, epsilons: float32 (steps,), for Nadam: the rate of the gradient itself, and `epsilon`.
    """

    kind: int
    rates: Floats
    decays: Floats
    constants: Floats
    gradient_rates: Floats = np.empty(0, np.float32)
    epsilons: Floats = np.empty(0, np.float32)


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


def nadam(
    steps: int,
    learning_rate: float,
    *,
    taken: int,
    product: float,
    weight_decay: float = 0.0,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-7,
) -> tuple[Update, np.float32]:
    """Adam with `rate_m * m + rate_g * g` in place of `rate * m`, at step t with `u_t = beta_1 * (1 - 0.96**t / 2)`:
    `rate_m = rate * u_(t+1) / (1 - u_1 ... u_(t+1))`, `rate_g = rate * (1 - u_t) / (1 - u_1 ... u_t)`.

    Args:
        taken: the number of steps before these.
        product: of `u_1` to `u_taken`.
        weight_decay: as in `adam`.

    Returns:
        The update, and the product after these steps.
    """
    step = taken + 1 + np.arange(steps + 1, dtype=np.float32)
    u = np.float32(beta_1) * (1 - np.float32(0.5) * np.float32(0.96) ** step)
    products = np.cumprod(np.concatenate([[product], u]), dtype=np.float32)[1:]
    rates = np.full(steps, learning_rate, np.float32)
    root = np.sqrt(1 - np.float32(beta_2) ** step[:-1])
    update = Update(
        NADAM,
        rates * root * u[1:] / (1 - products[1:]),
        rates * np.float32(weight_decay),
        np.array([1 - beta_1, 1 - beta_2, epsilon], np.float32),
        rates * root * (1 - u[:-1]) / (1 - products[:-1]),
        np.float32(epsilon) * root,
    )
    return update, products[steps - 1]


def rmsprop(
    steps: int,
    learning_rate: float,
    *,
    weight_decay: float = 0.0,
    rho: float = 0.9,
    momentum: float = 0.0,
    epsilon: float = 1e-7,
) -> Update:
    """`v = rho * v + (1 - rho) * g²; p = momentum * p + rate * g / sqrt(v + epsilon); w -= p`."""
    rates = np.full(steps, learning_rate, np.float32)
    constants = np.array([rho, 1 - rho, epsilon, momentum], np.float32)
    return Update(RMSPROP, rates, rates * np.float32(weight_decay), constants)


def adagrad(steps: int, learning_rate: float, *, weight_decay: float = 0.0, epsilon: float = 1e-7) -> Update:
    """`v += g²; w -= rate * g / sqrt(v + epsilon)`."""
    rates = np.full(steps, learning_rate, np.float32)
    return Update(RMSPROP, rates, rates * np.float32(weight_decay), np.array([1, 1, epsilon, 0], np.float32))


@jit_inlined
def update_weights(update, step, gradient, penalty, weights, moment_1, moment_2):  # type: ignore[no-untyped-def]
    """One step of the optimizer.

    Args:
        update, step: an `Update`, and the index of the step in it.
        gradient: vectors.
        penalty: this times the weights is added to the gradient.
        weights, moment_1, moment_2: addresses of as many weights and their moments (a velocity; Adam's running means of
            the gradient and its square; RMSprop's mean square and velocity).
    """
    rate, decay = update.rates[step], update.decays[step]
    w = load_like(gradient, weights)
    if penalty != np.float32(0):
        gradient = gradient + w * penalty
    if decay != np.float32(0):
        w = w - w * decay
    if update.kind == SGD:
        w = w - gradient * rate
    elif update.kind == ADAM or update.kind == NADAM:
        mean, square = load_like(gradient, moment_1), load_like(gradient, moment_2)
        mean = mean + (gradient - mean) * update.constants[0]
        square = square + (gradient * gradient - square) * update.constants[1]
        store(mean, moment_1)
        store(square, moment_2)
        if update.kind == ADAM:
            w = w - divide_by_root(mean, square, update.constants[2]) * rate
        else:
            mean = mean * rate + gradient * update.gradient_rates[step]
            w = w - divide_by_root(mean, square, update.epsilons[step])
    elif update.kind == RMSPROP:
        square = load_like(gradient, moment_1) * update.constants[0] + gradient * gradient * update.constants[1]
        store(square, moment_1)
        change = divide_by_root(gradient, square + update.constants[2], np.float32(0)) * rate
        momentum = update.constants[3]
        if momentum != np.float32(0):
            change = load_like(gradient, moment_2) * momentum + change
            store(change, moment_2)
        w = w - change
    else:
        momentum = update.constants[0]
        velocity = load_like(gradient, moment_1) * momentum - gradient * rate
        store(velocity, moment_1)
        w = w + (velocity * momentum - gradient * rate if update.kind == NESTEROV else velocity)
    store(w, weights)
