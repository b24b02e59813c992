"""Sample weights: from a column or an array to the rows that they belong to, and what is no weight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.data import DataSource, from_arrays, load

Refused = Callable[..., str]
Write = Callable[..., Path]

ROWS = 60


def frame(weights: Any = None) -> pd.DataFrame:
    weights = np.arange(ROWS) + 1 if weights is None else weights
    return pd.DataFrame({"a": np.arange(ROWS), "w": weights, "label": np.arange(ROWS) % 2})


def source(path: Path, **options: Any) -> DataSource:
    return DataSource(str(path), **{"target": "label", "weight_column": "w"} | options)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_weight_column_weighs_its_rows_in_every_part_and_is_no_input(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{ending}"
    frame().to_csv(path, index=False) if ending == "csv" else frame().to_parquet(path)
    data = load(source(path))
    assert data.features == ("a",)
    for part in (data.train, data.validation, data.test):
        assert part is not None
        assert part.sample_weight is not None
        assert part.sample_weight.dtype == np.float32
        np.testing.assert_array_equal(part.sample_weight, part.columns[""][:, 0] + 1)


def test_other_weights_are_other_data(csv: Write) -> None:
    digests = []
    for weights in (None, np.ones(ROWS)):
        load.cache_clear()
        digests.append(load(source(csv(frame(weights).to_csv(index=False)))).digest)
    assert digests[0] != digests[1]


def column(**values: Any) -> list[Any]:
    """Weights of 1, but for the rows `at3=…`."""
    weights: list[Any] = [1.0] * ROWS
    for row, value in values.items():
        weights[int(row.removeprefix("at"))] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (
            column(at7=-2.1, at9=-1.0),
            "weight_column: column 'w': finite numbers of at least 0 are needed, got -2.1 in row 7 and 1 more",
        ),
        (column(at3=None), "got nan in row 3"),
        (column(at5=float("inf")), "got inf in row 5"),
        (column(at0="heavy"), "column 'w' holds string, 'heavy' in row 0"),
        ([0.0] * ROWS, "a weight above 0 is needed in the training data, got 0 in every row"),
    ],
)
def test_what_is_no_weight_is_refused_and_its_first_row_named(
    weights: list[Any], said: str, csv: Write, refused: Refused
) -> None:
    refused(source(csv(frame(weights).to_csv(index=False))), said)


def test_a_text_among_the_weights_is_named(csv: Write, refused: Refused) -> None:
    refused(source(csv(frame(column(at4="many")).to_csv(index=False))), "weight_column: numbers", "'w' holds string")


def test_a_weight_column_is_there_and_not_the_target(csv: Write, npz: Write, refused: Refused) -> None:
    path = csv(frame().rename(columns={"w": "weight"}).to_csv(index=False))
    refused(source(path, weight_column="wieght"), "weight_column: no column 'wieght'. Did you mean 'weight'?")
    refused(source(path, weight_column="label"), "another column than the target is needed, got 'label' for both")
    refused(DataSource("digits", weight_column="w"), "weight_column: only .csv and .parquet")
    arrays = npz(x=np.zeros((30, 2)), y=np.arange(30) % 2)
    refused(DataSource(str(arrays), weight_column="w"), "weight_column: only .csv and .parquet")


X, Y = np.arange(60, dtype=np.float32).reshape(30, 2), np.arange(30) % 3


def test_arrays_of_an_npz_file_weigh_their_parts(npz: Write) -> None:
    weights = np.arange(30)
    data = load(DataSource(str(npz(x=X, y=Y, sample_weight=weights))))
    for part in (data.train, data.validation):
        np.testing.assert_array_equal(part.sample_weight, part.columns[""][:, 0] / 2)
    load.cache_clear()
    path = npz(x_train=X, y_train=Y, sample_weight_train=weights, x_valid=X, y_valid=Y)
    data = load(DataSource(str(path)))
    np.testing.assert_array_equal(data.train.sample_weight, weights)
    assert data.validation.sample_weight is None


def test_arrays_in_memory_bring_weights_of_their_own() -> None:
    weights = np.arange(30)
    data = from_arrays(X, Y, DataSource("arrays"), validation=(X, Y, weights * 2), sample_weight=weights)
    np.testing.assert_array_equal(data.train.sample_weight, weights)
    np.testing.assert_array_equal(data.validation.sample_weight, weights * 2)


def test_the_array_of_a_negative_weight_is_named(npz: Write, refused: Refused) -> None:
    path = npz(x_train=X, y_train=Y, x_valid=X, y_valid=Y, sample_weight_valid=np.arange(30) - 1)
    refused(DataSource(str(path)), "sample weights of x_valid: finite numbers of at least 0", "got -1 in row 0")


def test_weights_of_an_npz_file_are_one_number_a_row(npz: Write, refused: Refused) -> None:
    for weights in (np.ones(29), np.ones((30, 2)), np.array(["a"] * 30)):
        refused(DataSource(str(npz(x=X, y=Y, sample_weight=weights))), "sample weights of x: one number a row")
        load.cache_clear()
    refused(DataSource(str(npz(x=X, y=Y, sample_weights=Y))), "unknown array 'sample_weights'", "sample_weight")
