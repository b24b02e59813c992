"""Functions of one float in a form that compiles to vector instructions, within float32's precision of 1.

`tanh` and `erf` are the rational approximations of Eigen (`Eigen/src/Core/MathFunctionsImpl.h`), which TensorFlow also
uses.
"""

from __future__ import annotations

import numpy as np

from sweeps.dense_kernels.compiling import jit

_F = np.float32
ZERO, HALF, ONE, TWO = _F(0), _F(0.5), _F(1), _F(2)
_TANH_LIMIT, _ERF_LIMIT = _F(7.90531110763549805), _F(4)
# tanh(x) = (A1 x + A3 x³ + …) / (B0 + B2 x² + …), erf(x) = (C1 x + C3 x³ + …) / (D0 + D2 x² + …)
_A1, _A3, _A5, _A7 = map(_F, (4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08))
_A9, _A11, _A13 = map(_F, (-8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16))
_B0, _B2, _B4, _B6 = map(_F, (4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06))
_C1, _C3, _C5 = map(_F, (-1.60960333262415e-02, -2.95459980854025e-03, -7.34990630326855e-04))
_C7, _C9 = map(_F, (-5.69250639462346e-05, -2.10102402082508e-06))
_C11, _C13 = map(_F, (2.77068142495902e-08, -2.72614225801306e-10))
_D0, _D2, _D4 = map(_F, (-1.42647390514189e-02, -7.37332916720468e-03, -1.68282697438203e-03))
_D6, _D8 = map(_F, (-2.13374055278905e-04, -1.45660718464996e-05))
# artanh(x) = x + F3 x³ + …
_F3, _F5, _F7, _F9, _F11, _F13, _F15 = (_F(1 / n) for n in range(3, 17, 2))


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
def expm1_of_negative(x):  # type: ignore[no-untyped-def]
    """`exp(x) - 1` for x <= 0, by `tanh`."""
    t = tanh(HALF * x)
    return TWO * t / (ONE - t)


@jit
def log1p(x):  # type: ignore[no-untyped-def]
    """`log(1 + x)` for 0 <= x <= 1: the series of 2 artanh(x / (2 + x))."""
    s = x / (TWO + x)
    y = s * s
    odd = ((((((_F15 * y + _F13) * y + _F11) * y + _F9) * y + _F7) * y + _F5) * y + _F3) * y + ONE
    return TWO * s * odd


@jit
def softplus(x):  # type: ignore[no-untyped-def]
    """`log(1 + exp(x))`, without overflow."""
    return (x if x > ZERO else ZERO) + log1p(exp_of_negative(-abs(x)))
