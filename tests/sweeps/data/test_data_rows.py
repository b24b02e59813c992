"""Rows for a trained model: its columns, as it knows them, whatever a file makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sweeps.data import read_rows
from sweeps.errors import InputError

Write = Callable[..., Path]

COLUMNS = {"size": "float32", "city": "string"}


def test_missing_text_is_empty_and_missing_numbers_are_nan(csv: Write) -> None:
    read = read_rows(csv("city,other,size\nRome,1,2\n,1,\nNA,1,4\n"), COLUMNS, 10, missing=True)
    assert list(read) == ["size", "city"]
    np.testing.assert_array_equal(read["size"], np.array([[2], [np.nan], [4]], np.float32))
    assert read["size"].dtype == np.float32
    assert read["city"].tolist() == [["Rome"], [""], [""]]


def test_text_that_looks_like_numbers_stays_as_it_is_written(csv: Write) -> None:
    assert read_rows(csv("city,size\n007,2\n1.50,3\n"), COLUMNS, 10, missing=True)["city"].tolist() == [
        ["007"],
        ["1.50"],
    ]


def test_columns_without_any_value_are_all_missing(csv: Write) -> None:
    read = read_rows(csv("city,size\n,\nNA,\n"), COLUMNS, 10, missing=True)
    assert np.isnan(read["size"]).all()
    assert read["city"].tolist() == [[""], [""]]


def test_only_the_first_rows_are_read(csv: Write) -> None:
    assert len(read_rows(csv("city,size\na,1\nb,2\nc,\n"), COLUMNS, 2, missing=False)["size"]) == 2


def test_parquet_with_categories_and_integers_reads_alike(tmp_path: Path) -> None:
    frame = pd.DataFrame({"size": [1, 2], "city": pd.Categorical(["a", None])})
    frame.to_parquet(tmp_path / "rows.parquet")
    read = read_rows(tmp_path / "rows.parquet", COLUMNS, 10, missing=True)
    assert read["size"].tolist() == [[1.0], [2.0]]
    assert read["city"].tolist() == [["a"], [""]]


@pytest.mark.parametrize(
    ("text", "missing", "message"),
    [
        ("city\na\n", True, "'size' is not there"),
        ("city,size\na,big\n", True, "column 'size': numbers are needed, as in training, got string"),
        ("city,size\na,1\nb,\n", False, "column 'size': no value may be missing, .* got 1 of 2"),
    ],
)
def test_rows_that_do_not_fit_are_refused(csv: Write, text: str, missing: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_rows(csv(text), COLUMNS, 10, missing)
