"""Activations of hidden layers and their derivatives, in a form that compiles to vector instructions.

Derivatives where there is none (at 0 for ReLU) are TensorFlow's.
"""

from __future__ import annotations

import numpy as np

from sweeps.dense_kernels.approximations import (
    HALF,
    ONE,
    TWO,
    ZERO,
    erf,
    exp_of_negative,
    expm1_of_negative,
    sigmoid,
    softplus,
    tanh,
)
from sweeps.dense_kernels.compiling import jit

RELU, LINEAR, TANH, SIGMOID, SILU, GELU, ELU, SELU, CELU = range(9)
SOFTPLUS, LOG_SIGMOID, MISH, SOFTSIGN, SQUAREPLUS, EXPONENTIAL, TANH_SHRINK, SPARSE_PLUS, HARD_SILU = range(9, 18)
LEAKY_RELU, RELU6, HARD_SIGMOID, SPARSE_SIGMOID, HARD_TANH, SOFT_SHRINK, HARD_SHRINK = range(18, 25)
#: by the name of Keras's activation
BY_NAME = {
    "relu": RELU,
    "linear": LINEAR,
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "silu": SILU,
    "gelu": GELU,
    "elu": ELU,
    "selu": SELU,
    "celu": CELU,
    "softplus": SOFTPLUS,
    "log_sigmoid": LOG_SIGMOID,
    "mish": MISH,
    "softsign": SOFTSIGN,
    "squareplus": SQUAREPLUS,
    "exponential": EXPONENTIAL,
    "tanh_shrink": TANH_SHRINK,
    "sparse_plus": SPARSE_PLUS,
    "hard_silu": HARD_SILU,
    "leaky_relu": LEAKY_RELU,
    "relu6": RELU6,
    "hard_sigmoid": HARD_SIGMOID,
    "sparse_sigmoid": SPARSE_SIGMOID,
    "hard_tanh": HARD_TANH,
    "soft_shrink": SOFT_SHRINK,
    "hard_shrink": HARD_SHRINK,
}
_F = np.float32
_SQRT_HALF, _DENSITY = _F(0.7071067811865476), _F(0.3989422804014327)
_SELU_SCALE, _SELU_ALPHA = _F(1.0507009873554805), _F(1.6732632423543772)
_THREE, _FOUR, _SIXTH = _F(3), _F(4), _F(1 / 6)
_ABOVE = np.nextafter(np.array([0.5, 1], np.float32), _F(2))  # 0.5 and 1 themselves belong to the middle piece
#: of the activations from LEAKY_RELU on: up to the first number slope and intercept of the lower piece, from the second
#: on those of the upper one, else those of the middle one
_PIECES = np.array(
    [
        (0, 0, 0.2, 0, 1, 0, 1, 0),
        (0, 6, 0, 0, 0, 6, 1, 0),
        (-3, 3, 0, 0, 0, 1, 1 / 6, 0.5),
        (-1, 1, 0, 0, 0, 1, 0.5, 0.5),
        (-_ABOVE[1], _ABOVE[1], 0, -1, 0, 1, 1, 0),
        (-_ABOVE[0], _ABOVE[0], 1, 0.5, 1, -0.5, 0, 0),
        (-_ABOVE[0], _ABOVE[0], 1, 0, 1, 0, 0, 0),
    ],
    np.float32,
)


@jit
def activate_rows(kind, z, slopes, rows, width, stride):  # type: ignore[no-untyped-def]
    """Replace each row of `z` by its activation, in place, and fill `slopes` with the derivatives.

    Args:
        kind: a value of `BY_NAME`.
        z, slopes: float32 (rows * stride,), of which the first `width` columns are used.
    """
    for begin in range(0, rows * stride, stride):
        row, row_slopes = z[begin : begin + width], slopes[begin : begin + width]
        if kind < SOFTPLUS:
            _activate(kind, row, row_slopes)
        elif kind < LEAKY_RELU:
            _activate_otherwise(kind, row, row_slopes)
        else:
            _activate_piecewise(_PIECES[kind - LEAKY_RELU], row, row_slopes)


@jit
def _activate(kind, z, slopes):  # type: ignore[no-untyped-def]
    if kind == RELU:
        for j in range(z.size):
            x = z[j]
            z[j] = ZERO if x < ZERO else x
            slopes[j] = ONE if x > ZERO else ZERO
    elif kind == LINEAR:
        for j in range(z.size):
            slopes[j] = ONE
    elif kind == TANH:
        for j in range(z.size):
            t = tanh(z[j])
            z[j] = t
            slopes[j] = ONE - t * t
    elif kind == SIGMOID:
        for j in range(z.size):
            s = sigmoid(z[j])
            z[j] = s
            slopes[j] = s * (ONE - s)
    elif kind == SILU:
        for j in range(z.size):
            x = z[j]
            s = sigmoid(x)
            z[j] = x * s
            slopes[j] = s + x * s * (ONE - s)
    elif kind == GELU:
        for j in range(z.size):
            x = z[j]
            cdf = HALF + HALF * erf(x * _SQRT_HALF)
            z[j] = x * cdf
            slopes[j] = cdf + x * _DENSITY * exp_of_negative(-HALF * x * x)
    else:
        scale, alpha = (_SELU_SCALE, _SELU_ALPHA) if kind == SELU else (ONE, ONE)
        at_zero = TWO if kind == CELU else scale  # as TensorFlow has it: a maximum and a minimum, both of slope 1
        for j in range(z.size):
            x = z[j]
            expm1 = expm1_of_negative(x)
            z[j] = scale * (x if x > ZERO else alpha * expm1)
            slopes[j] = scale if x > ZERO else (at_zero if x == ZERO else scale * alpha * (expm1 + ONE))


@jit
def _activate_otherwise(kind, z, slopes):  # type: ignore[no-untyped-def]
    if kind in (SOFTPLUS, LOG_SIGMOID):
        sign = ONE if kind == SOFTPLUS else -ONE
        for j in range(z.size):
            x = sign * z[j]
            z[j] = sign * softplus(x)
            slopes[j] = sigmoid(x)
    elif kind == MISH:  # x tanh(softplus(x)), with e = exp(-abs(x))
        for j in range(z.size):
            x = z[j]
            e = exp_of_negative(-abs(x))
            grown = e * (e + TWO) if x < ZERO else ONE + TWO * e
            t = grown / (grown + (TWO if x < ZERO else TWO * e * e))
            z[j] = x * t
            slopes[j] = t + x * (ONE - t * t) * sigmoid(x)
    elif kind == SOFTSIGN:
        for j in range(z.size):
            inverse = ONE / (ONE + abs(z[j]))
            z[j] *= inverse
            slopes[j] = inverse * inverse
    elif kind == SQUAREPLUS:
        for j in range(z.size):
            x = z[j]
            root = np.sqrt(x * x + _FOUR)
            z[j] = HALF * (x + root)
            slopes[j] = HALF + HALF * x / root
    elif kind == EXPONENTIAL:
        for j in range(z.size):
            z[j] = np.exp(z[j])
            slopes[j] = z[j]
    elif kind == TANH_SHRINK:
        for j in range(z.size):
            t = tanh(z[j])
            z[j] -= t
            slopes[j] = t * t
    elif kind == SPARSE_PLUS:
        for j in range(z.size):
            x = z[j]
            half = HALF * (x + ONE)
            z[j] = ZERO if x <= -ONE else (x if x >= ONE else half * half)
            slopes[j] = ZERO if x <= -ONE else (ONE if x >= ONE else half)
    else:  # HARD_SILU
        for j in range(z.size):
            x = z[j]
            s = ZERO if x <= -_THREE else (ONE if x >= _THREE else (x + _THREE) * _SIXTH)
            z[j] = x * s
            slopes[j] = s + (x * _SIXTH if abs(x) < _THREE else ZERO)


@jit
def _activate_piecewise(pieces, z, slopes):  # type: ignore[no-untyped-def]
    low, high = pieces[0], pieces[1]
    for j in range(z.size):
        x = z[j]
        slope = pieces[2] if x <= low else (pieces[4] if x >= high else pieces[6])
        z[j] = slope * x + (pieces[3] if x <= low else (pieces[5] if x >= high else pieces[7]))
        slopes[j] = slope
