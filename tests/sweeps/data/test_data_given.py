"""Arrays for a model of a person's own: as they were given, beside what is made of them for the registered spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.data import Dataset, DataSource, from_arrays, load
from sweeps.errors import InputError

GIVEN = DataSource("arrays", as_given=True)
I30 = np.arange(30)
X = np.arange(60.0).reshape(30, 2)


def rows(data: Dataset) -> Any:
    """All parts' inputs and targets, in the order in which they were given; the first input column is the order."""
    x, y = (np.concatenate([getattr(part, name) for part in data.parts]) for name in ("x", "y"))
    order = np.argsort(x[:, 0] if x.ndim == 2 else x)
    return x[order], y[order]


@pytest.mark.parametrize(
    "y",
    [
        I30 % 7 + 3,
        np.array([1, 5, 10, 50, 100])[I30 % 5],
        (I30 % 2) * 2 - 1,
        I30[:, np.newaxis] / 7,
        (I30 % 3)[:, np.newaxis].astype(np.uint8),
        I30 % 2 == 0,
        np.where(I30 % 5, I30 / 7, np.nan),
        np.zeros(30),
        np.eye(3, dtype=np.int64)[I30 % 3],
        X,
        np.arange(30 * 4 * 4.0).reshape(30, 4, 4),
        # each value but one comes once
        np.array([0] * 20 + list(range(1, 11))),
    ],
)
def test_targets_keep_values_shape_and_dtype(y: Any) -> None:
    _, found = rows(from_arrays(X, y, GIVEN))
    assert (found.dtype, found.shape) == (y.dtype, y.shape)
    np.testing.assert_array_equal(found, y)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint8", "uint64", "float16", "float32", "float64", "str"])
def test_inputs_keep_values_and_dtype_from_memory_and_from_files(dtype: str, tmp_path: Path) -> None:
    x = (I30 % 2 if dtype == "bool" else I30 + 2**24 if dtype == "uint64" else I30).astype(dtype)
    np.savez(tmp_path / "t.npz", x_train=x, y_train=I30 % 3, x_valid=x, y_valid=I30 % 3)
    for data in (
        from_arrays(x, I30 % 3, GIVEN, validation=(x, I30 % 3)),
        load(DataSource(str(tmp_path / "t.npz"), as_given=True)),
    ):
        assert data.train.x.dtype == x.dtype
        np.testing.assert_array_equal(data.train.x, x)


def test_a_table_of_whole_numbers_keeps_them(tmp_path: Path) -> None:
    ids = I30 + 2**24
    pd.DataFrame({"id": ids, "flag": I30 % 2 == 0, "y": I30 % 3}).to_parquet(tmp_path / "t.parquet")
    pd.DataFrame({"id": ids, "city": np.array(["a", "b"])[I30 % 2], "y": I30 % 3}).to_csv(
        tmp_path / "t.csv", index=False
    )
    plain = load(DataSource(str(tmp_path / "t.parquet"), target="y", as_given=True))
    assert plain.train.x.dtype == np.int64
    np.testing.assert_array_equal(rows(plain)[0][:, 0], ids)
    mixed = load(DataSource(str(tmp_path / "t.csv"), target="y", as_given=True)).train
    assert (mixed.columns["id"].dtype, mixed.columns["city"].dtype.kind) == (np.dtype("int64"), "U")
    assert set(mixed.columns["id"].ravel()) <= set(ids)


def test_text_targets_are_encoded_and_their_classes_named() -> None:
    data = from_arrays(X, pd.Series(np.array(["no", "yes"])[I30 % 2]).astype("category"), GIVEN)
    np.testing.assert_array_equal(rows(data)[1], (I30 % 2)[:, np.newaxis])  # a Series is a column, as in Keras
    assert data.labels == ("no", "yes")


def test_frames_become_arrays_of_numbers() -> None:
    frame = pd.DataFrame(
        {
            "a": I30 / 7,
            "flag": I30 % 2 == 0,
            "whole": pd.Series(I30, dtype="Int64"),
            "maybe": pd.Series([True, None, False] * 10, dtype="boolean"),
            "level": pd.Categorical(I30 % 3),
        }
    )
    expected = np.stack([I30 / 7, I30 % 2 == 0, I30, np.tile([1, np.nan, 0], 10), I30 % 3], axis=1)
    data = from_arrays(frame, pd.Series(I30 % 3, dtype="Int64"), GIVEN, validation=(frame, I30 % 3))
    np.testing.assert_array_equal(data.train.x, expected)
    assert data.warnings == ("10 of 150 numbers of x_train are NaN or infinite",)
    dummies = pd.get_dummies(pd.DataFrame({"n": I30, "c": np.array(["u", "v"])[I30 % 2]}))
    assert from_arrays(dummies, I30 % 3, DataSource("arrays")).train.x.dtype == np.float32
    assert from_arrays(dummies, I30 % 3, GIVEN).train.x.dtype == np.int64
    columns = from_arrays(dict(pd.DataFrame({"n": I30, "c": ["u", None] * 15})), I30 % 3, DataSource("arrays"))
    assert columns.train.columns["c"].shape == (18, 1)
    assert set(columns.train.columns["c"].ravel()) == {"u", ""}


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (pd.DataFrame({"a": I30, "city": ["x"] * 30}), I30 % 3, "column 'city' holds text, one array needs numbers"),
        (pd.DataFrame({"at": pd.date_range("2020", periods=30)}), I30 % 3, r"column 'at' holds datetime64"),
        (X, np.array(["a", None, "b"] * 10, object), "y: text is needed in each row, got None in row 1"),
        (X, np.array(["a", 1, "b"] * 10, object), "got 1 of int in row 1"),
        (np.array([["a"], [{}]] * 15, object), I30 % 3, "x: text, booleans or numbers are needed"),
        (X.astype(complex), I30 % 3, "x: numbers or text are needed, got dtype complex128"),
        (np.float32(3), I30 % 3, r"x: an axis of rows is needed"),
        (X, np.array(["a"] * 30), "two classes or more are needed, got only 'a'"),
    ],
)
def test_what_is_no_array_says_in_a_line_what_is_wrong(x: Any, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        from_arrays(x, y, GIVEN)
    assert len(str(error.value).splitlines()) <= 2


def test_sample_weights_keep_shape_and_dtype() -> None:
    weights = np.tile([1, 2, 3], (30, 1))
    data = from_arrays(X, X, GIVEN, validation=(X, X, weights), sample_weight=weights)
    assert data.train.sample_weight.dtype == weights.dtype
    np.testing.assert_array_equal(data.train.sample_weight, weights)
    with pytest.raises(InputError, match="finite numbers of at least 0 are needed, got -1"):
        from_arrays(X, X, GIVEN, sample_weight=-np.ones(30))


def test_a_study_knows_data_again_that_reach_its_model_as_before() -> None:
    # what a model of a person's own got of these was the same when all data were prepared
    images, wide = (I30[:, np.newaxis] % 256).astype(np.uint8), X
    for x, y in ((images, I30 % 3), (wide, np.array(["a", "b", "c"])[I30 % 3]), (wide, I30 / 7), (wide, I30 % 2)):
        assert from_arrays(x, y, GIVEN).digest == from_arrays(x, y, DataSource("arrays")).digest
    for x, y in ((I30[:, np.newaxis], I30 % 3), (wide, I30 % 3 + 3), (wide, I30[:, np.newaxis] / 7)):
        assert from_arrays(x, y, GIVEN).digest != from_arrays(x, y, DataSource("arrays")).digest


@pytest.mark.parametrize(("positive", "warned"), [(8, True), (100, False)])
def test_a_rare_class_is_said_with_what_to_search_by(positive: int, warned: bool) -> None:
    y = np.where(np.arange(1000) < positive, "yes", "no")
    said = from_arrays(np.arange(1000.0)[:, np.newaxis], y, DataSource("arrays")).warnings
    expected = (
        "only 0.80% of the rows have the class 'yes': an accuracy hardly depends on it; consider --objective val_auc, "
        "or --class-weight balanced"
    )
    assert said == ((expected,) if warned else ())
