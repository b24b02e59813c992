"""Matrix products by SciPy's BLAS, at the cost of a function call: no array is made, no operand copied."""

from __future__ import annotations

import numba.experimental.function_type  # noqa: F401  makes Numba take a `WrapperAddressProtocol`
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import get_cython_function_address

from sweeps.training.dense.compiling import kernel

_ADDRESS = types.uintp
PLAIN, TRANSPOSED = 0, 1


class Sgemm(types.WrapperAddressProtocol):  # type: ignore[misc]
    """BLAS's `sgemm` as an argument of a compiled function: thirteen addresses, as Fortran takes them."""

    def __wrapper_address__(self) -> int:
        return int(get_cython_function_address("scipy.linalg.cython_blas", "sgemm"))

    def signature(self) -> types.Type:
        return types.void(*[_ADDRESS] * 13)


SGEMM = Sgemm()


@kernel
def product(sgemm, transpose_a, transpose_b, rows, columns, inner, factor, a, b, keep, out, call):  # type: ignore[no-untyped-def]
    """`out = factor * op(a) @ op(b) + keep * out`, all float32 and stored row by row.

    BLAS thinks in columns: a matrix stored by rows is to it the transpose, and (ab)ᵀ is bᵀaᵀ.

    Args:
        transpose_a, transpose_b: `PLAIN` or `TRANSPOSED`.
        rows, columns, inner: (rows, inner) times (inner, columns), after transposition.
        a, b, out: (address, length of a stored row).
        call: int32 (6,), float32 (2,) and uint8 (2,) "NT" to pass numbers in.
    """
    integers, floats, letters = call
    integers[0], integers[1], integers[2] = columns, rows, inner
    integers[3], integers[4], integers[5] = b[1], a[1], out[1]
    floats[0], floats[1] = factor, keep
    i, f, c = integers.ctypes.data, floats.ctypes.data, letters.ctypes.data
    sgemm(
        _ADDRESS(c + transpose_b),
        _ADDRESS(c + transpose_a),
        _ADDRESS(i),
        _ADDRESS(i + 4),
        _ADDRESS(i + 8),
        _ADDRESS(f),
        _ADDRESS(b[0]),
        _ADDRESS(i + 12),
        _ADDRESS(a[0]),
        _ADDRESS(i + 16),
        _ADDRESS(f + 4),
        _ADDRESS(out[0]),
        _ADDRESS(i + 20),
    )


def call_arguments() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """What `product` passes its numbers in: one for each caller at a time."""
    return np.zeros(6, np.int32), np.zeros(2, np.float32), np.frombuffer(b"NT", np.uint8)
