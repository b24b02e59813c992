"""Rows of a file for a model that is trained: the columns that it knows, as it knows them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.columns import decoded, is_number
from sweeps.data.dataset import Array
from sweeps.data.tables import read_csv, read_parquet
from sweeps.errors import InputError


def read_rows(path: Path, columns: Mapping[str, str], rows: int, missing: bool) -> dict[str, Array]:
    """The first `rows` rows of a table; columns that the model does not know are left out.

    Args:
        path: a `.csv` or `.parquet` file.
        columns: name -> dtype, "string" or a number's.
        missing: whether numbers may be missing; text may.

    Returns:
        For each column an array (n, 1): float32 with NaN where a value is missing, or text with ``""`` there.

    Raises:
        InputError: no such file, a column that is not there, text in a column of numbers, or a number missing.
    """
    text = [name for name, dtype in columns.items() if dtype == "string"]
    table = read_csv(path, text) if path.suffix.lower() == ".csv" else read_parquet(path)
    if absent := [name for name in columns if name not in table.column_names]:
        raise InputError(f"the columns of the training data are needed, {', '.join(map(repr, absent))} is not there")
    table = table.slice(0, rows)
    read = {name: decoded(table.column(name)) for name in columns}
    return {
        name: (_text(column) if name in text else _numbers(name, column, missing))[:, np.newaxis]
        for name, column in read.items()
    }


def _text(column: pa.ChunkedArray) -> Array:
    values: Array = compute.fill_null(column.cast(pa.string()), "").to_numpy().astype(np.str_)
    return values


def _numbers(name: str, column: pa.ChunkedArray, missing: bool) -> Array:
    if column.null_count < len(column) and not is_number(column.type):
        raise InputError(f"column {name!r}: numbers are needed, as in training, got {column.type}")
    values: Array = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float32)
    if not missing and (absent := int(np.isnan(values).sum())):
        raise InputError(
            f"column {name!r}: no value may be missing, since none was in training, got {absent} of {len(values)}"
        )
    return values
