"""Activations of hidden layers and their derivatives, in a form that compiles to vector instructions.

`tanh` and `erf` are the rational approximations of Eigen (`Eigen/src/Core/MathFunctionsImpl.h`), which TensorFlow also
uses.
"""

from __future__ import annotations

import numpy as np

from sweeps.dense_kernels.compiling import jit

RELU, LINEAR, TANH, SIGMOID, ELU, SILU, GELU = range(7)
#: by the name of Keras's activation
BY_NAME = {
    "relu": RELU,
    "linear": LINEAR,
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "elu": ELU,
    "silu": SILU,
    "gelu": GELU,
}
_F = np.float32
ZERO, HALF, ONE, TWO = _F(0), _F(0.5), _F(1), _F(2)
_TANH_LIMIT, _ERF_LIMIT = _F(7.90531110763549805), _F(4)
_SQRT_HALF, _DENSITY = _F(0.7071067811865476), _F(0.3989422804014327)
# tanh(x) = (A1 x + A3 x³ + …) / (B0 + B2 x² + …), erf(x) = (C1 x + C3 x³ + …) / (D0 + D2 x² + …)
_A1, _A3, _A5, _A7 = map(_F, (4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08))
_A9, _A11, _A13 = map(_F, (-8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16))
_B0, _B2, _B4, _B6 = map(_F, (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06))
_C1, _C3, _C5 = map(_F, (-1.60960333262415e-02, -2.95459980854025e-03, -7.34990630326855e-04))
_C7, _C9 = map(_F, (-5.69250639462346e-05, -2.10102402082508e-06))
_C11, _C13 = map(_F, (2.77068142495902e-08, -2.72614225801306e-10))
_D0, _D2, _D4 = map(_F, (-1.42647390514189e-02, -7.37332916720468e-03, -1.68282697438203e-03))
_D6, _D8 = map(_F, (-2.13374055278905e-04, -1.45660718464996e-05))


@jit
def tanh(x):  # type: ignore[no-untyped-def]
    """Within 2e-7 of the true value; NaN stays NaN."""
    x = _TANH_LIMIT if x > _TANH_LIMIT else (-_TANH_LIMIT if x < -_TANH_LIMIT else x)
    y = x * x
    numerator = ((((((_A13 * y + _A11) * y + _A9) * y + _A7) * y + _A5) * y + _A3) * y + _A1) * x
    return numerator / (((_B6 * y + _B4) * y + _B2) * y + _B0)


@jit
def erf(x):  # type: ignore[no-untyped-def]
    """Within 3e-7 of the true value; NaN stays NaN."""
    x = _ERF_LIMIT if x > _ERF_LIMIT else (-_ERF_LIMIT if x < -_ERF_LIMIT else x)
    y = x * x
    numerator = ((((((_C13 * y + _C11) * y + _C9) * y + _C7) * y + _C5) * y + _C3) * y + _C1) * x
    return numerator / ((((_D8 * y + _D6) * y + _D4) * y + _D2) * y + _D0)


@jit
def sigmoid(x):  # type: ignore[no-untyped-def]
    """`1 / (1 + exp(-x))`, as `(1 + tanh(x / 2)) / 2`."""
    return HALF * tanh(HALF * x) + HALF


@jit
def exp_of_negative(x):  # type: ignore[no-untyped-def]
    """`exp(x)` for x <= 0, by `tanh`: (1 + t) / (1 - t) with t = tanh(x / 2)."""
    t = tanh(HALF * x)
    return (ONE + t) / (ONE - t)


@jit
def activate(kind, z, slopes):  # type: ignore[no-untyped-def]
    """Replace `z` by its activation, in place, and fill `slopes` with the derivative.

    Args:
        kind: a value of `BY_NAME`.
        z, slopes: float32 (units,).
    """
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
    elif kind == ELU:
        for j in range(z.size):
            x = z[j]
            t = tanh(HALF * x)
            expm1 = TWO * t / (ONE - t)
            z[j] = x if x > ZERO else expm1
            slopes[j] = ONE if x > ZERO else expm1 + ONE
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


@jit
def activate_rows(kind, z, slopes, rows, width, stride):  # type: ignore[no-untyped-def]
    """`activate` the first `width` columns of `z`, as `slopes` float32 (rows * stride,)."""
    for begin in range(0, rows * stride, stride):
        activate(kind, z[begin : begin + width], slopes[begin : begin + width])
