"""Reading rows of a file for prediction: the columns of the training data, with their dtypes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.columns import decoded, is_number
from sweeps.data.dataset import Array
from sweeps.data.tables import read_csv, read_parquet
from sweeps.errors import InputError


def read_rows(path: Path, columns: Mapping[str, str], rows: int, missing: bool) -> dict[str, Array]:
    """Read the first `rows` rows of a table, without columns that the model does not use.

    Args:
        path: a `.csv` or `.parquet` file.
        columns: name -> dtype, "string" or that of a number.
        rows: how many to read at most.
        missing: whether numbers may be missing; text always may.

    Returns:
        For each column an array (n, 1) of its dtype, with NaN, or ``""`` in text, for a missing value.

    Raises:
        InputError: the file or a column is missing, a column of numbers holds text, or a number is missing or out of
            its dtype's range.
    """
    text = [name for name, dtype in columns.items() if dtype == "string"]
    table = read_csv(path, text) if path.suffix.lower() == ".csv" else read_parquet(path)
    if absent := [name for name in columns if name not in table.column_names]:
        raise InputError(f"the columns of the training data are needed, {', '.join(map(repr, absent))} is not there")
    table = table.slice(0, rows)
    read = {name: decoded(table.column(name)) for name in columns}
    return {
        name: (_text(column) if name in text else _numbers(name, column, columns[name], missing))[:, np.newaxis]
        for name, column in read.items()
    }


def _text(column: pa.ChunkedArray) -> Array:
    values: Array = compute.fill_null(column.cast(pa.string()), "").to_numpy().astype(np.str_)
    return values


def _numbers(name: str, column: pa.ChunkedArray, dtype: str, missing: bool) -> Array:
    if column.null_count < len(column) and not is_number(column.type):
        raise InputError(f"column {name!r}: numbers are needed, as in training, got {column.type}")
    if column.null_count or pa.types.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)  # complete integers stay integers: an id may have many digits
    values: Array = column.to_numpy()
    count = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if count and not missing:
        raise InputError(
            f"column {name!r}: no value may be missing, since none was in training, got {count} of {len(values)}"
        )
    return as_dtype(f"column {name!r}", values, dtype)


def as_dtype(label: str, values: Array, dtype: str) -> Array:
    """Cast numbers as Keras casts an input: fractions are truncated for integer dtypes.

    Args:
        label: of the values, for errors.
        values: numbers of any shape.
        dtype: a Keras dtype other than "string"; for bfloat16 the result is float32, which Keras casts.

    Raises:
        InputError: a number is out of the dtype's range, or missing and the dtype is not a float's.
    """
    wanted = np.dtype("float32" if dtype == "bfloat16" else dtype)
    if wanted.kind in "iu":
        limits, whole = np.iinfo(wanted), np.trunc(values) if values.dtype.kind == "f" else values
        # limits.max + 1 is a power of two, which a float holds exactly
        fits = (whole >= limits.min) & (whole < limits.max + 1)
    else:
        with np.errstate(over="ignore"):
            fits = (
                ~np.isnan(values) if wanted.kind == "b" else np.isfinite(values.astype(wanted)) | ~np.isfinite(values)
            )
    if not fits.all():
        raise InputError(f"{label}: numbers that {dtype} can hold are needed, got {values[~fits].flat[0]}")
    return values.astype(wanted, copy=False)


def read_columns(path: Path, without: Collection[str]) -> pd.DataFrame:
    """The other columns of a table than those; the values of a `.csv` file as text.

    Raises:
        InputError: the file cannot be read.
    """
    is_csv = path.suffix.lower() == ".csv"
    table = read_csv(path) if is_csv else read_parquet(path)
    others = [name for name in table.column_names if name not in without]
    if is_csv:  # again: an id such as 007 is no number
        table = read_csv(path, others)
    return table.select(others).to_pandas()
