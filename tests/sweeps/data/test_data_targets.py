"""Which kind of target an array is taken for, and how it is encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sweeps.data.targets import encode
from sweeps.errors import InputError

Array = npt.NDArray[Any]
I30 = np.arange(30)
ONE_HOT = np.eye(3)[I30 % 3]
SEVERAL = np.array([[1, 1, 0], [0, 1, 0]] * 15)


@pytest.mark.parametrize(
    ("y", "kind", "n_outputs", "labels"),
    [
        (I30 % 3, "sparse", 3, ("0", "1", "2")),
        (I30 % 2, "binary", 1, ("0", "1")),
        ((I30 % 2)[:, None], "binary", 1, ("0", "1")),
        (I30 % 2 == 0, "binary", 1, ("False", "True")),
        ((I30 % 2).astype(float), "binary", 1, ("0", "1")),
        (np.array(["no", "yes"])[I30 % 2], "binary", 1, ("no", "yes")),
        (np.array(["no", "yes"])[I30 % 2].astype("S"), "binary", 1, ("no", "yes")),
        (np.array(["b", "c", "a"], dtype=object)[I30 % 3], "sparse", 3, ("a", "b", "c")),
        (np.array([-5, 1_000_000, 7])[I30 % 3], "sparse", 3, ("-5", "7", "1000000")),
        (np.array([1, 2])[I30 % 2], "binary", 1, ("1", "2")),
        ((I30 % 3).astype(np.uint64), "sparse", 3, ("0", "1", "2")),
        (ONE_HOT, "one_hot", 3, ("0", "1", "2")),
        (ONE_HOT.astype(bool), "one_hot", 3, ("0", "1", "2")),
        (SEVERAL, "multi_label", 3, ("0", "1", "2")),
        (I30 / 7, "regression", 1, None),
        ((I30 % 3).astype(float), "regression", 1, None),
        (np.stack([I30, -I30], axis=1), "regression", 2, None),
    ],
)
def test_the_kind_is_read_off_the_values(y: Array, kind: str, n_outputs: int, labels: Any) -> None:
    target = encode(y)
    assert (target.kind, target.n_outputs, target.labels) == (kind, n_outputs, labels)
    assert target.y.dtype == (np.int32 if kind in ("sparse", "binary") else np.float32)


@pytest.mark.parametrize(
    ("y", "task", "kind"),
    [
        (I30 % 3, "regression", "regression"),
        (I30 % 2 == 0, "regression", "regression"),
        (I30, "classification", "sparse"),
        ((I30 % 3).astype(float), "classification", "sparse"),
        (ONE_HOT, "multi_label", "multi_label"),
        (ONE_HOT, "classification", "one_hot"),
        (ONE_HOT, "regression", "regression"),
        (SEVERAL, "classification", "multi_label"),
    ],
)
def test_a_task_decides_what_the_values_leave_open(y: Array, task: str, kind: str) -> None:
    assert encode(y, task).kind == kind


@pytest.mark.parametrize(
    ("values", "rows", "kind"),
    [
        (20, 21, "sparse"),
        (21, 420, "sparse"),
        (21, 419, "regression"),
        (100, 2000, "sparse"),
        (3000, 20000, "regression"),
    ],
)
def test_many_different_integers_with_few_rows_each_are_a_quantity(values: int, rows: int, kind: str) -> None:
    assert encode(np.arange(rows) % values).kind == kind


def test_classes_are_numbered_in_ascending_order_of_their_values() -> None:
    target = encode(np.array([10, -1, 10, 3, -1]))
    np.testing.assert_array_equal(target.y, [2, 0, 2, 1, 0])
    assert target.labels == ("-1", "3", "10")


def test_known_labels_keep_their_numbers_even_where_one_does_not_occur() -> None:
    target = encode(np.array([0, 2, 2, 0]), labels=("cat", "dog", "emu"))
    np.testing.assert_array_equal(target.y, [0, 2, 2, 0])
    assert (target.kind, target.n_outputs, target.labels) == ("sparse", 3, ("cat", "dog", "emu"))
    with pytest.raises(InputError, match="class numbers 0 to 2 are needed, got 0 to 3"):
        encode(np.array([0, 3]), labels=("cat", "dog", "emu"))


def test_each_row_of_a_single_class_target_tells_its_class() -> None:
    for y in (I30 % 3, ONE_HOT):
        np.testing.assert_array_equal(encode(y).classes(), I30 % 3)
    assert encode(SEVERAL).classes() is None
    assert encode(I30 / 7).classes() is None


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        (np.array([1.5, np.nan]), None, "1 NaN or infinite of 2"),
        (np.array([1.5, -np.inf]), None, "1 NaN or infinite of 2"),
        (np.array(["a", None], dtype=object), None, "got None"),
        (np.array(["a", 1], dtype=object), None, "got 1 of int"),
        (np.array([1j, 2]), None, "complex128"),
        (np.zeros((2, 2, 2)), None, r"\(2, 2, 2\)"),
        (np.zeros((2, 0)), None, r"\(2, 0\)"),
        (np.array([["a", "b"]]), None, r"\(1, 2\)"),
        (np.array(["a", "a"]), None, "two classes or more are needed, got only 'a'"),
        (np.zeros(5), None, "two classes or more are needed, got only '0'"),
        (np.array([2.5, 2.5]), None, "differ are needed, got 2.5"),
        (np.array([[0, 1], [0, 1]]), None, "rows that differ"),
        (np.array([1e300, 1.5]), None, "float32"),
        (np.array(["1", "2"]), "regression", "needs numbers, got text such as '1', '2'"),
        (np.array([1.5, 2.0]), "classification", "needs text or whole numbers, got 1.5, 2.0"),
        (np.array([1e300, 2.0]), "classification", "needs text or whole numbers"),
        (np.array([[1.5, 2.0], [1, 0]]), "classification", "needs only 0 and 1"),
        (np.array([[1.5, 2.0], [1, 0]]), "multi_label", "needs only 0 and 1"),
        (np.array([0, 1]), "multi_label", r"shape \(rows, labels\), got \(2,\)"),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(y: Array, task: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        encode(y, task)
