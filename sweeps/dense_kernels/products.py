"""Matrix products that skip zeros: half of an image's pixels and half of a ReLU's outputs are zero.

One operand is held in registers and another in the L1 cache. Skipping costs nothing: the loop runs over the set bits of
a mask of the nonzero numbers. A product without zeros takes as long as BLAS's. (Zero times an infinite weight is zero,
where BLAS gives NaN.)

All matrices are float32 and row-major; rows begin at a multiple of `llvm.BYTES` and are padded with zeros
(`padded_width`). Addresses are `uintp`, in bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import uint64, uintp

from sweeps.dense_kernels.compiling import jit, jit_inlined, kernel
from sweeps.dense_kernels.llvm import BYTES, LANES
from sweeps.dense_kernels.memory import MASK_TYPE, get, lowest_bit, mark, nonzero, put, transpose_tile
from sweeps.dense_kernels.updates import update_weights
from sweeps.dense_kernels.vectors import add_product, load, store, zeros

#: vectors of a row that are computed together: their sums stay in registers
MAX_VECTORS = 8
#: bytes of the L1 cache for the operand that is read repeatedly
L1_BYTES = 24_576
#: columns in a word of `mark_rows`; rows in a word of `mark_columns`
WORD, COLUMN_WORD = 64, 32


def padded_width(width: int) -> int:
    """The padded width of a row: whole vectors, and no power of two, at which few rows fit into a cache's sets."""
    vectors = -(-width // LANES)
    return LANES * (vectors + (vectors % 8 == 0 and vectors > MAX_VECTORS))


def padded_rows(width: int) -> int:
    """Rows that `transpose` reads of a matrix with `width` rows."""
    return -(-width // LANES) * LANES


def _by_size(make: Callable[[int], Any]) -> Any:
    """A function that calls `make(n)`, compiled for each n from 1 to `MAX_VECTORS`, with its other arguments."""
    one, two, three, four, five, six, seven, eight = (make(n) for n in range(1, MAX_VECTORS + 1))

    @jit
    def dispatch(n, *arguments):  # type: ignore[no-untyped-def]
        if n == 1:
            one(*arguments)
        elif n == 2:
            two(*arguments)
        elif n == 3:
            three(*arguments)
        elif n == 4:
            four(*arguments)
        elif n == 5:
            five(*arguments)
        elif n == 6:
            six(*arguments)
        elif n == 7:
            seven(*arguments)
        else:
            eight(*arguments)

    return dispatch


@jit
def mark_rows(a, rows, stride, marks):  # type: ignore[no-untyped-def]
    """Write a bit mask of the nonzero columns of each row of `a` to `marks`, in words of 64 bits."""
    words = (stride + WORD - 1) // WORD
    for row in range(rows):
        address = marks + row * words * 8
        for column in range(0, stride, LANES):
            put(nonzero(uintp(a + (row * stride + column) * 4)), uintp(address + column // 8))
        for column in range(stride, words * WORD, LANES):
            put(MASK_TYPE(0), uintp(address + column // 8))


@jit
def mark_columns(a, rows, stride, marks):  # type: ignore[no-untyped-def]
    """Write bit masks of the nonzero rows of each column of `a` to `marks`, one mask for each 32 rows."""
    for first in range(0, rows, COLUMN_WORD):
        for column in range(0, stride, LANES):
            masks = zeros(1)
            for row in range(first, min(rows, first + COLUMN_WORD)):
                bits = nonzero(uintp(a + (row * stride + column) * 4))
                masks = mark(masks, bits, np.uint32(1) << np.uint32(row - first))
            store(masks, uintp(marks + (first // COLUMN_WORD * stride + column) * 4))


@jit_inlined
def add_products(total, bits, factors, factor_step, vectors, vector_step):  # type: ignore[no-untyped-def]
    """Add to `total`, for each set bit i, the factor i times the vectors i, each at an address plus i steps."""
    while bits:
        place = lowest_bit(bits)
        bits &= bits - uint64(1)
        total = add_product(total, uintp(factors + place * factor_step), uintp(vectors + place * vector_step))
    return total


def _make_product(n: int) -> Any:
    @jit
    def column_block(a, marks, rows, stride, w, stride_out, out):  # type: ignore[no-untyped-def]
        words = (stride + WORD - 1) // WORD
        for word in range(words):
            for row in range(rows):
                bits = get(np.uint64, uintp(marks + (row * words + word) * 8))
                target = uintp(out + row * stride_out * 4)
                total = load(n, target) if word else zeros(n)
                factors = uintp(a + (row * stride + word * WORD) * 4)
                weights = uintp(w + word * WORD * stride_out * 4)
                total = add_products(total, bits, factors, 4, weights, stride_out * 4)
                store(total, target)

    return column_block


_product = _by_size(_make_product)


@kernel
def product(a, marks, rows, stride, w, vectors_out, stride_out, out):  # type: ignore[no-untyped-def]
    """`out = a @ w`.

    Args:
        a, marks: (rows, stride), and its masks from `mark_rows`.
        w: (columns of `a`, stride_out).
        vectors_out, stride_out: vectors and padded width of a row of `w` and `out`.
    """
    blocks = (vectors_out + MAX_VECTORS - 1) // MAX_VECTORS
    first = 0
    for block in range(blocks):
        n = (vectors_out - first + blocks - block - 1) // (blocks - block)
        shift = first * BYTES
        _product(n, a, marks, rows, stride, uintp(w + shift), stride_out, uintp(out + shift))
        first += n


def _make_descent(n: int) -> Any:
    @jit
    def column_block(a, marks, rows, stride, columns, errors, stride_out, update, step, penalty, w, moment_1, moment_2):  # type: ignore[no-untyped-def]
        for column in range(columns):
            total = zeros(n)
            for begin in range(0, rows, COLUMN_WORD):
                bits = uint64(get(np.uint32, uintp(marks + (begin // COLUMN_WORD * stride + column) * 4)))
                factors = uintp(a + (begin * stride + column) * 4)
                batch = uintp(errors + begin * stride_out * 4)
                total = add_products(total, bits, factors, stride * 4, batch, stride_out * 4)
            shift = column * stride_out * 4
            last = column == columns - 1
            update_weights(
                update, step, total, np.float32(0) if last else penalty, uintp(w + shift), uintp(moment_1 + shift),
                uintp(moment_2 + shift),
            )  # fmt: skip

    return column_block


_descent = _by_size(_make_descent)


@kernel
def descent_step(  # type: ignore[no-untyped-def]
    a, marks, rows, stride, columns, errors, vectors_out, stride_out, update, step, penalty, w, moment_1, moment_2
):
    """A step of the optimizer with the gradient `aᵀ @ errors` of `w`, (columns, stride_out).

    Args:
        a, marks: (rows, stride), and its masks from `mark_columns`.
        errors: (rows, stride_out).
        update, step: see `updates.update_weights`.
        penalty: this times a weight is added to its gradient, except for the last row of weights.
        w, moment_1, moment_2: the weights and the optimizer's moments.
    """
    most = max(1, min(MAX_VECTORS, L1_BYTES // (rows * BYTES)))
    blocks = (vectors_out + most - 1) // most
    done = 0
    for block in range(blocks):
        n = (vectors_out - done + blocks - block - 1) // (blocks - block)
        shift = done * BYTES
        _descent(
            n, a, marks, rows, stride, columns, uintp(errors + shift), stride_out, update, step, penalty,
            uintp(w + shift), uintp(moment_1 + shift), uintp(moment_2 + shift),
        )  # fmt: skip
        done += n


@jit
def transpose(source, vectors, stride, target, target_vectors, target_stride):  # type: ignore[no-untyped-def]
    """Write the transpose of `source`, with rows of `vectors`, to `target`, with rows of `target_vectors`."""
    for row in range(target_vectors):
        for column in range(vectors):
            transpose_tile(
                uintp(source + (row * LANES * stride + column * LANES) * 4),
                uintp(stride * 4),
                uintp(target + (column * LANES * target_stride + row * LANES) * 4),
                uintp(target_stride * 4),
            )
