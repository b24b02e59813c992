"""Which rows train, validate and test."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sweeps.data.splits import split
from sweeps.errors import InputError

CLASSES = np.array([0] * 50 + [1] * 30 + [2] * 3)
LABELS = ("a", "b", "rare")


def test_every_row_is_in_exactly_one_part() -> None:
    parts = split(83, 0.2, 0.2, seed=0, classes=CLASSES, labels=LABELS)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(83))
    for part in parts:
        assert all(a < b for a, b in pairwise(part.tolist()))


def test_each_class_gives_its_fraction_and_at_least_one_row_to_each_part() -> None:
    train, validation, test = split(83, 0.2, 0.1, seed=0, classes=CLASSES, labels=LABELS)
    np.testing.assert_array_equal(np.bincount(CLASSES[train]), [35, 21, 1])
    np.testing.assert_array_equal(np.bincount(CLASSES[validation]), [10, 6, 1])
    np.testing.assert_array_equal(np.bincount(CLASSES[test]), [5, 3, 1])


def test_the_seed_alone_decides() -> None:
    def rows(seed: int) -> list[int]:
        return np.concatenate(split(83, 0.2, 0.2, seed, CLASSES, LABELS)).tolist()  # type: ignore[no-any-return]

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_without_classes_rows_are_drawn_from_all_over() -> None:
    train, validation, test = split(100, 0.3, 0.1, seed=0)
    assert (len(train), len(validation), len(test)) == (60, 30, 10)
    assert validation.max() > 80
    assert validation.min() < 20


def test_without_a_test_fraction_there_are_no_test_rows() -> None:
    train, validation, test = split(83, 0.2, 0, seed=0, classes=CLASSES, labels=LABELS)
    assert (len(train) + len(validation), len(test)) == (83, 0)


@pytest.mark.parametrize(("validation", "test"), [(0.45, 0.5), (0.98, 0.01), (0.001, 0.001), (0.01, 0.98)])
@pytest.mark.parametrize("rows", [3, 4, 5, 11])
def test_no_part_is_ever_empty(rows: int, validation: float, test: float) -> None:
    assert min(map(len, split(rows, validation, test, seed=0))) >= 1


@pytest.mark.parametrize(
    ("rows", "classes", "test", "message"),
    [
        (2, None, 0.2, "the data: 3 rows are needed for training, validation and test sets, got 2"),
        (1, None, 0, "the data: 2 rows are needed for training and validation sets, got 1"),
        (6, np.array([0, 0, 0, 1, 1, 1]), 0.2, "class 'rare' of the target: 3 rows are needed .* got 0"),
        (7, np.array([0, 0, 0, 1, 1, 2, 2]), 0.2, "class 'b' of the target: 3 rows are needed .* got 2"),
    ],
)
def test_too_few_rows_are_refused(rows: int, classes: np.ndarray | None, test: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        split(rows, 0.2, test, seed=0, classes=classes, labels=LABELS)
