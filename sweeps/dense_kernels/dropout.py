"""Dropout with TensorFlow's random numbers, so that a seed gives the same results as Keras's `fit`.

The generator is Philox 4x32 in ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), with
the key and counter that TensorFlow's stateless operations derive from a seed (`GenerateKey` in
`tensorflow/core/kernels/stateless_random_ops.cc`, `Uint32ToFloat` in `core/lib/random/random_distributions.h`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import uint64

from sweeps.dense_kernels.compiling import jit, jit_inlined

_LOW, _HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_KEY = np.uint64(0x3EC8F720), np.uint64(0x02461E29)
_ZERO, _MANTISSA = np.uint64(0), np.uint64(0x7FFFFF)
#: Keras reduces seeds modulo this (`_cast_seed` in `keras/src/backend/tensorflow/random.py`)
_SEEDS = 2**31 - 2


@jit_inlined
def _philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Four 32-bit random numbers from a counter and a key; each number is stored in 64 bits."""
    for _ in range(10):
        first, second = _FACTORS[0] * c0, _FACTORS[1] * c2
        c0, c1, c2, c3 = (second >> _HIGH) ^ c1 ^ k0, second & _LOW, (first >> _HIGH) ^ c3 ^ k1, first & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


def thresholds(rates: npt.NDArray[np.float32]) -> npt.NDArray[np.uint64]:
    """Rates in units of 2**-23, with which the random numbers are compared."""
    return np.ceil(rates.astype(np.float64) * 2**23).astype(np.uint64)


@jit
def draw(seed, call, threshold, scale, count, factors):  # type: ignore[no-untyped-def]
    """Fill `factors`: 0 where the random number is below the dropout rate, `scale` elsewhere.

    Args:
        seed: int64 (2,), the layer's state before the epoch's first call.
        call: the number of the call in the epoch, from 0.
        threshold: the rate in units of 2**-23.
        count: how many numbers to draw, in the order of an array (rows, units).
        factors: float32 (at least count + 3,).
    """
    first, second = uint64(seed[0] % _SEEDS), uint64((seed[1] + call) % _SEEDS)
    k0, k1, c2, c3 = _philox(first, _ZERO, second, _ZERO, _KEY[0], _KEY[1])
    for group in range((count + 3) // 4):
        numbers = _philox(uint64(group), _ZERO, c2, c3, k0, k1)
        for i in range(4):
            factors[4 * group + i] = scale if (numbers[i] & _MANTISSA) >= threshold else np.float32(0)


@jit
def apply(factors, width, stride, rows, outputs, slopes):  # type: ignore[no-untyped-def]
    """Multiply a layer's outputs and slopes, both (rows * stride,), by factors (rows, width)."""
    for row in range(rows):
        row_factors = factors[row * width : (row + 1) * width]
        place = row * stride
        out, slope = outputs[place : place + width], slopes[place : place + width]
        for j in range(width):
            out[j] *= row_factors[j]
            slope[j] *= row_factors[j]
