"""Activations and their derivatives in NumPy and float64; part of `reference.py`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def sigmoid(z: Doubles) -> Doubles:
    return 1 / (1 + np.exp(-z))


def _normal(z: Doubles) -> Doubles:
    """The cumulative distribution function of the standard normal distribution."""
    erf: Doubles = np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2))
    return 0.5 + 0.5 * erf


def _density(z: Doubles) -> Doubles:
    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
#: name -> activation and its derivative, as functions of z
ACTIVATIONS: dict[str, tuple[Callable[[Doubles], Doubles], Callable[[Doubles], Doubles]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "linear": (lambda z: z, np.ones_like),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1, np.exp(z))),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "gelu": (lambda z: z * _normal(z), lambda z: _normal(z) + z * _density(z)),
    "selu": (
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(z)),
        lambda z: SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * np.exp(z)),
    ),
    "celu": (lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1, np.exp(z))),
    "softplus": (lambda z: np.logaddexp(0, z), sigmoid),
    "log_sigmoid": (lambda z: -np.logaddexp(0, -z), lambda z: sigmoid(-z)),
    "mish": (
        lambda z: z * np.tanh(np.logaddexp(0, z)),
        lambda z: np.tanh(np.logaddexp(0, z)) + z * (1 - np.tanh(np.logaddexp(0, z)) ** 2) * sigmoid(z),
    ),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "squareplus": (lambda z: (z + np.sqrt(z * z + 4)) / 2, lambda z: (1 + z / np.sqrt(z * z + 4)) / 2),
    "exponential": (np.exp, np.exp),
    "tanh_shrink": (lambda z: z - np.tanh(z), lambda z: np.tanh(z) ** 2),
    "sparse_plus": (
        lambda z: np.where(z < 1, np.clip((z + 1) / 2, 0, 1) ** 2, z),
        lambda z: np.clip((z + 1) / 2, 0, 1),
    ),
    "hard_silu": (
        lambda z: z * np.clip(z / 6 + 0.5, 0, 1),
        lambda z: np.clip(z / 6 + 0.5, 0, 1) + z / 6 * (np.abs(z) < 3),
    ),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.2 * z), lambda z: np.where(z > 0, 1, 0.2)),
    "relu6": (lambda z: np.clip(z, 0, 6), lambda z: ((z > 0) & (z < 6)).astype(float)),
    "hard_sigmoid": (lambda z: np.clip(z / 6 + 0.5, 0, 1), lambda z: (np.abs(z) < 3) / 6),
    "sparse_sigmoid": (lambda z: np.clip((z + 1) / 2, 0, 1), lambda z: (np.abs(z) < 1) / 2),
    "hard_tanh": (lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) <= 1).astype(float)),
    "soft_shrink": (lambda z: z - np.clip(z, -0.5, 0.5), lambda z: (np.abs(z) > 0.5).astype(float)),
    "hard_shrink": (lambda z: np.where(np.abs(z) > 0.5, z, 0), lambda z: (np.abs(z) > 0.5).astype(float)),
}
