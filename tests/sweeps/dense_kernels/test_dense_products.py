"""The products that pass over zeros give what NumPy's give."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sweeps.dense_kernels import products
from sweeps.dense_kernels.llvm import LANES
from sweeps.dense_kernels.network import aligned
from sweeps.dense_kernels.updates import ADAM, SGD, Update

Matrix = npt.NDArray[np.float32]
SHAPES = [(1, 1, 1), (5, LANES, LANES - 1), (32, 70, 200), (33, 64, 17), (100, 129, 8 * LANES)]


def matrix(rows: int, columns: int, zeros_of: float = 0.5, values: int = 0) -> Matrix:
    """A random matrix as the products take it, that share of it zeros; what fills it up is zero too."""
    generator = np.random.default_rng([rows, columns, values])
    stride = products.padded_width(columns)
    found: Matrix = aligned(products.padded_rows(rows) * stride).reshape(-1, stride)
    drawn = generator.standard_normal((rows, columns), dtype=np.float32)
    found[:rows, :columns] = drawn * (generator.random((rows, columns)) >= zeros_of)
    return found


def marked(mark: Any, a: Matrix, rows: int) -> Any:
    marks = aligned(rows * (a.shape[1] + 63), np.uint64)
    mark(a.ctypes.data, rows, a.shape[1], marks.ctypes.data)
    return marks


def product(a: Matrix, rows: int, w: Matrix, columns: int) -> Matrix:
    out = aligned(rows * w.shape[1]).reshape(rows, -1)
    out[...] = 7
    marks = marked(products.mark_rows, a, rows)
    products.product(
        a.ctypes.data, marks.ctypes.data, rows, a.shape[1], w.ctypes.data, -(-columns // LANES), w.shape[1],
        out.ctypes.data,
    )  # fmt: skip
    return out[:, :columns]


@pytest.mark.parametrize("zeros_of", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_product_is_the_same_with_many_zeros_and_with_none(shape: tuple[int, int, int], zeros_of: float) -> None:
    rows, inner, columns = shape
    a, w = matrix(rows, inner, zeros_of), matrix(inner, columns, 0.0, 1)
    expected = a[:rows, :inner] @ w[:inner, :columns]
    np.testing.assert_allclose(product(a, rows, w, columns), expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_transpose_has_every_number_in_its_place(shape: tuple[int, int, int]) -> None:
    _, rows, columns = shape
    w, t = matrix(rows, columns, 0.0), matrix(columns, rows, 1.0)
    products.transpose(
        w.ctypes.data, -(-columns // LANES), w.shape[1], t.ctypes.data, -(-rows // LANES), t.shape[1]
    )  # fmt: skip
    np.testing.assert_array_equal(t[:columns, :rows], w[:rows, :columns].T)


@pytest.mark.parametrize("kind", [SGD, ADAM])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_descent_is_a_step_along_the_gradient(shape: tuple[int, int, int], kind: int) -> None:
    rows, inner, columns = shape
    a, errors, w = matrix(rows, inner), matrix(rows, columns, 0.5, 1), matrix(inner, columns, 0.0, 2)
    moment_1, moment_2 = matrix(inner, columns, 0.0, 3), matrix(inner, columns, 0.0, 4)
    np.square(moment_2, out=moment_2)
    mean, square, before = moment_1.copy(), moment_2.copy(), w.copy()
    numbers = np.array([0.1, 0.001, 1e-7], np.float32)
    update = Update(kind, np.array([0.01], np.float32), np.zeros(1, np.float32), numbers)
    marks = marked(products.mark_columns, a, rows)
    products.descent_step(
        a.ctypes.data, marks.ctypes.data, rows, a.shape[1], inner,
        errors.ctypes.data, -(-columns // LANES), w.shape[1], update, 0, np.float32(0), w.ctypes.data,
        moment_1.ctypes.data, moment_2.ctypes.data,
    )  # fmt: skip
    gradient = np.zeros_like(w)
    gradient[:inner, :columns] = a[:rows, :inner].T @ errors[:rows, :columns]
    change = gradient
    if kind == ADAM:
        mean = mean + (gradient - mean) * numbers[0]
        square = square + (gradient * gradient - square) * numbers[1]
        change = mean / (np.sqrt(square) + numbers[2])
    some = slice(inner), slice(columns)
    np.testing.assert_allclose(w[some], (before - np.float32(0.01) * change)[some], rtol=1e-5, atol=1e-5)


def test_what_is_no_number_is_not_passed_over() -> None:
    a, w = matrix(2, 20), matrix(20, 20, 0.0, 1)
    a[1, 3] = np.nan
    found = product(a, 2, w, 20)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


def test_a_root_and_a_division_by_estimates_are_as_good_as_float32() -> None:
    """Adam's step from means and squares of all sizes, zero and NaN among them."""
    squares = np.concatenate([[0.0, np.nan], np.logspace(-37, 12, 30)]).astype(np.float32)
    columns = len(squares)
    a, w, moment_1, moment_2 = (matrix(1, columns, 1.0) for _ in range(4))
    moment_1[0, :columns], moment_2[0, :columns] = 1, squares
    update = Update(ADAM, np.ones(1, np.float32), np.zeros(1, np.float32), np.array([0, 0, 1e-7], np.float32))
    marks, errors = marked(products.mark_columns, a, 1), matrix(1, columns, 1.0)
    products.descent_step(
        a.ctypes.data, marks.ctypes.data, 1, a.shape[1], 1, errors.ctypes.data,
        -(-columns // LANES), w.shape[1], update, 0, np.float32(0), w.ctypes.data, moment_1.ctypes.data,
        moment_2.ctypes.data,
    )  # fmt: skip
    expected = -1 / (np.sqrt(squares.astype(np.float64)) + np.float32(1e-7))
    np.testing.assert_allclose(w[0, :columns], expected, rtol=4e-7)
