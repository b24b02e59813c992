"""Datasets as a process holds them: once, read-only, and made of arrays where there is no file."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.data import DATASETS, Dataset, DataSource, Part, from_arrays, load, not_plain
from sweeps.data.dataset import RawDataset
from sweeps.data.inputs import moments
from sweeps.errors import InputError

X = np.arange(60.0).reshape(30, 2)
Y = np.arange(30) % 3
HERE = DataSource("arrays")


def test_a_dataset_is_read_once_a_process() -> None:
    assert load(DataSource("digits")) is load(DataSource("digits"))


def test_the_seed_changes_the_split_and_the_digest() -> None:
    first, second = load(DataSource("digits")), load(DataSource("digits", seed=1))
    assert first.digest != second.digest
    assert not np.array_equal(first.validation.y, second.validation.y)
    load.cache_clear()
    assert load(DataSource("digits")).digest == first.digest


def test_no_trial_can_change_the_data_of_the_next() -> None:
    mine = X.astype(np.uint8)
    data = from_arrays({"a": mine, "b": X}, Y, HERE, validation=({"a": mine, "b": X}, Y))
    for array in (data.train.columns["a"], data.validation.columns["b"], data.train.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    mine[0] = 1  # the caller's own array stays writable


def test_a_dataset_can_be_sent_to_a_worker_that_shares_no_disk() -> None:
    data = load(DataSource("digits"))
    copy = pickle.loads(pickle.dumps(data))
    assert isinstance(copy, Dataset)
    assert copy.spec == data.spec
    assert copy.digest == data.digest
    np.testing.assert_array_equal(copy.train.x, data.train.x)


def test_one_line_registers_a_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "mine", lambda: RawDataset(Part(X, Y), whole=True, labels=("a", "b", "c")))
    data = load(DataSource("mine"))
    assert (data.name, data.labels, len(data.train)) == ("mine", ("a", "b", "c"), 18)


def test_a_lack_of_memory_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large() -> RawDataset:
        raise MemoryError

    monkeypatch.setitem(DATASETS, "mine", too_large)
    with pytest.raises(InputError, match="'mine' cannot be read: out of memory"):
        load(DataSource("mine"))


def test_arrays_in_memory_are_split_unless_their_validation_set_is_given() -> None:
    split = from_arrays(X, Y, HERE)
    assert [len(part or ()) for part in (split.train, split.validation, split.test)] == [18, 6, 6]
    no_test = from_arrays(X, Y, DataSource("arrays", test_fraction=0))
    assert [len(no_test.train), len(no_test.validation), no_test.test] == [24, 6, None]
    given = from_arrays(X, Y, HERE, validation=(X[:9], Y[:9]))
    assert [len(given.train), len(given.validation), given.test] == [30, 9, None]
    both = from_arrays(X, Y, HERE, test=Part(X[:5], Y[:5]))
    assert [len(part or ()) for part in (both.train, both.validation, both.test)] == [24, 6, 5]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (Y, "sparse"),
        (np.eye(3)[Y], "one_hot"),
        (Y % 2, "binary"),
        (Y / 7, "regression"),
        (np.array([[1, 1], [0, 1]] * 15), "multi_label"),
    ],
)
def test_rows_keep_their_targets_through_the_split(target: Any, kind: str) -> None:
    data = from_arrays(X, target, HERE)
    assert data.spec.target == kind
    assert data.test is not None
    for part in (data.train, data.validation, data.test):
        rows = (part.columns[""][:, 0] / 2).astype(int)
        np.testing.assert_allclose(part.y, target[rows], rtol=1e-6)


def test_one_hot_targets_are_stratified_and_every_class_is_validated() -> None:
    data = from_arrays(X, np.eye(3)[Y], HERE)
    np.testing.assert_array_equal(data.validation.y.sum(axis=0), [2, 2, 2])
    with pytest.raises(InputError, match="validation data, got none of '2'"):
        from_arrays(X, np.eye(3)[Y], HERE, validation=(X[:2], np.eye(3)[:2]))


def test_a_dictionary_of_complete_arrays_is_plain_and_one_with_gaps_is_not() -> None:
    assert not_plain(from_arrays({"a": X, "b": X[:, :1]}, Y, HERE)) is None
    gaps = X.copy()
    gaps[3, 1] = np.nan
    assert "column 'b' misses 1 of 30 values" in (not_plain(from_arrays({"a": X, "b": gaps}, Y, HERE)) or "")


def test_what_becomes_an_array_is_one() -> None:
    plain = from_arrays(X, Y, HERE)
    assert from_arrays(pd.DataFrame(X), pd.Series(Y), HERE).digest == plain.digest
    assert from_arrays(X.tolist(), Y.tolist(), HERE).digest == plain.digest
    assert from_arrays({"a": pd.DataFrame(X)}, Y, HERE).digest == from_arrays({"a": X}, Y, HERE).digest


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            (X, X),
            Y,
            "data: several inputs go in a dictionary, by the names of the Input layers, got a list of 2",
        ),
        (X, [Y, Y], "data: one target is needed, got 2; derive several in HyperModel.fit, or use sweeps.tuner"),
        (X, {"a": Y}, "data: one target is needed, got 1"),
        ([[1.0, 2.0], [3.0]], Y, "data: x: an array is needed, got list"),
    ],
)
def test_what_is_no_one_array_says_what_works(x: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_arrays(x, y, HERE)


@pytest.mark.parametrize(
    ("x", "validation", "message"),
    [
        ({"a": X}, ({"b": X}, Y), r"x_valid: the columns of x_train are needed, \['a'\], got \['b'\]"),
        ({"a": X}, (X, Y), "x_valid: the columns"),
        ({"a": X, "b": X[:5]}, None, r"x: .*\(5, 2\) and \(30,\)"),
        ({"a": np.full((30, 1), np.nan)}, None, "'a' has no value in the training rows"),
        ({"a": np.full((30, 1), np.inf)}, None, r"x\['a'\]: finite"),
    ],
)
def test_dictionaries_that_do_not_fit_are_refused(x: Any, validation: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_arrays(x, Y, HERE, validation=validation)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("scale", [1e20, 1e-25])
def test_the_moments_of_numbers_of_any_size_are_finite(scale: float, gaps: bool) -> None:
    x = (np.random.default_rng(0).normal(3, 2, (200, 1)) * scale).astype(np.float32)
    if gaps:
        x[::7] = np.nan
    (mean,), (variance,) = moments(x)
    assert mean == pytest.approx(3 * scale, rel=0.1)
    assert variance == pytest.approx(4 * scale**2, rel=0.2)
