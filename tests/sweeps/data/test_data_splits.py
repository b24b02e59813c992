"""Which rows train, validate and test, and which are in which fold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sweeps.data import (
    Array,
    Dataset,
    DataSource,
    Part,
    check_folds,
    folds,
    from_arrays,
    from_frame,
    has_few_rows,
    splits,
    with_columns,
)
from sweeps.data.dataset import Nested
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


def table(rows: int = 60, as_given: bool = False, **options: object) -> Dataset:
    """Three classes of 30, 20 and 10 of 60 rows; a column of numbers that counts the rows, and one of text."""
    count = np.arange(rows)
    y = np.select([count % 6 < 3, count % 6 < 5], ["a", "b"], "c")
    x = {"row": count.astype("float32"), "kind": np.where(count % 4, "x", "y")}
    source = DataSource("table", as_given=as_given, test_fraction=0.0)
    return from_arrays(x, y, source, **options)  # type: ignore[arg-type]


def rows_of(part: Part) -> list[int]:
    return part.columns["row"].reshape(-1).astype(int).tolist()


@pytest.mark.parametrize("as_given", [False, True])
def test_folds_validate_every_row_once_with_the_classes_in_proportion(as_given: bool) -> None:
    data = table(as_given=as_given)
    parts = folds(data, 5, 0)
    assert sorted(row for fold in parts for row in rows_of(fold.validation)) == list(range(60))
    for fold in parts:
        assert sorted(rows_of(fold.train) + rows_of(fold.validation)) == list(range(60))
        assert (fold.digest, fold.labels) == (data.digest, data.labels)
        encoded = fold.encoded or fold
        np.testing.assert_array_equal(np.bincount(encoded.validation.y), [6, 4, 2])
        np.testing.assert_array_equal(encoded.validation.columns["row"], fold.validation.columns["row"])
        assert not fold.train.columns["row"].flags.writeable


def test_folds_leave_the_test_rows_alone_and_follow_the_seed() -> None:
    y = np.arange(100) % 2
    data = from_arrays(np.arange(100.0)[:, np.newaxis], y, DataSource("numbers"))
    (first, *_), (other, *_) = folds(data, 4, 0), folds(data, 4, 1)
    assert first.test is data.test
    assert data.test is not None
    assert not {*first.train.x.ravel()} & {*data.test.x.ravel()}  # type: ignore[union-attr]
    assert {*first.validation.x.ravel()} != {*other.validation.x.ravel()}  # type: ignore[union-attr]
    again = folds(data, 4, 0)[0]
    np.testing.assert_array_equal(first.validation.x, again.validation.x)


def test_a_fold_is_described_by_its_own_training_rows() -> None:
    x = {"number": np.arange(20.0), "text": np.array(["only here", *["else"] * 19])}
    data = from_arrays(x, np.linspace(1, 9, 20), DataSource("quantity", test_fraction=0.0))
    for fold in folds(data, 4, 0):
        inputs = fold.spec.inputs
        assert isinstance(inputs, dict)
        assert inputs["number"].mean == pytest.approx([fold.train.columns["number"].mean()])
        assert inputs["text"].vocabulary == tuple(np.unique(fold.train.columns["text"]))
        assert fold.spec.target_mean == pytest.approx([fold.train.y.mean()])
    assert len({fold.spec.target_mean for fold in folds(data, 4, 0)}) == 4


def test_dates_stay_dates_in_a_fold() -> None:
    days = pd.date_range("2019-01-01", periods=900)
    frame = pd.DataFrame({"day": days, "y": np.arange(900.0)})
    data = from_frame(frame, DataSource("frame", target="y"))
    assert isinstance(data.spec.inputs, dict)
    assert data.spec.inputs["day"].periods
    for fold in folds(data, 3, 0):
        assert fold.spec.inputs["day"].periods == data.spec.inputs["day"].periods  # type: ignore[index]


def test_rows_keep_their_weights_in_folds_and_weigh_1_where_none_was_given() -> None:
    x, y = np.arange(40.0)[:, np.newaxis], np.arange(40) % 2
    weights = np.arange(1, 31, dtype="float32")
    validation = (x[30:], y[30:])
    data = from_arrays(x[:30], y[:30], DataSource("weighted"), validation, sample_weight=weights)
    for fold in folds(data, 5, 0):
        for part in (fold.train, fold.validation):
            number = part.x.ravel()  # type: ignore[union-attr]
            np.testing.assert_array_equal(part.sample_weight, np.where(number < 30, number + 1, 1))


def test_one_hot_targets_are_stratified_and_their_folds_are_those_of_the_indices() -> None:
    y = np.repeat([0, 1, 2], [30, 20, 10])
    x = np.arange(60.0)[:, np.newaxis]
    data = from_arrays(x, y, DataSource("indices", test_fraction=0.0))
    for fold, columns in zip(folds(data, 5, 0), folds(with_columns(data), 5, 0), strict=True):
        np.testing.assert_array_equal(fold.validation.x, columns.validation.x)
        np.testing.assert_array_equal(columns.validation.y.sum(axis=0), [6, 4, 2])


@pytest.mark.parametrize("several", [lambda y: [y, -y], lambda y: {"a": y, "b": -y}])
def test_several_targets_are_divided_together(several: Callable[[Array], Nested]) -> None:
    data = table(as_given=True)
    parts = [Part(part.x, several(part.columns["row"]), None) for part in (data.train, data.validation)]
    data = replace(data, encoded=None).with_parts(*parts)
    assert not has_few_rows(data, 5)
    for fold in folds(data, 5, 0):
        for part in (fold.train, fold.validation):
            for target, sign in zip(part.targets.values(), (1, -1), strict=True):
                np.testing.assert_array_equal(target, sign * part.columns["row"])


@pytest.mark.parametrize("as_given", [False, True])
def test_a_class_of_fewer_rows_than_folds_is_refused(as_given: bool) -> None:
    data = table(as_given=as_given)
    with pytest.raises(InputError, match=r"folds: class 'c' of the target has 10 .* too few for 11 folds"):
        check_folds(data, 11)
    if as_given:  # what the values are, only the model's loss tells
        assert len(folds(data, 11, 0)) == 11
    else:
        with pytest.raises(InputError, match="folds: class 'c'"):
            folds(data, 11, 0)
    check_folds(data, 10)


def test_more_folds_than_rows_are_refused() -> None:
    data = from_arrays(np.arange(8.0)[:, np.newaxis], np.linspace(0, 1, 8), DataSource("few"))
    with pytest.raises(InputError, match="folds: the data has 6 training and validation rows"):
        folds(data, 7, 0)


def test_folds_of_large_data_are_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="folds: 5 copies of the data take"):
        folds(table(), 5, 0)
