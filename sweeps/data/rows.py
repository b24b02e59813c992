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
        For each column an array (n, 1): of its dtype, with NaN where a value is missing, or text with ``""`` there.

    Raises:
        InputError: no such file, a column that is not there, text in a column of numbers, or a number that is missing
            or that its dtype cannot hold.
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
        column = column.cast(pa.float64(), safe=False)  # whole numbers without a gap stay such: an id has many digits
    values: Array = column.to_numpy()
    gaps = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if gaps and not missing:
        raise InputError(
            f"column {name!r}: no value may be missing, since none was in training, got {gaps} of {len(values)}"
        )
    return as_dtype(f"column {name!r}", values, dtype)


def as_dtype(what: str, values: Array, dtype: str) -> Array:
    """Numbers as Keras casts them for an input: of fractions the whole part, where the input takes whole numbers.

    Args:
        what: names them in the error.
        dtype: one that Keras has, other than "string"; bfloat16 is left to Keras, as float32.

    Raises:
        InputError: a number that the dtype cannot hold, or a missing one where it is not a float's.
    """
    wanted = np.dtype("float32" if dtype == "bfloat16" else dtype)
    if wanted.kind in "iu":
        limits, whole = np.iinfo(wanted), np.trunc(values) if values.dtype.kind == "f" else values
        # the number after the highest is a power of two, which a float is exactly
        fits = (whole >= limits.min) & (whole < limits.max + 1)
    else:
        with np.errstate(over="ignore"):
            fits = (
                ~np.isnan(values) if wanted.kind == "b" else np.isfinite(values.astype(wanted)) | ~np.isfinite(values)
            )
    if not fits.all():
        raise InputError(f"{what}: numbers that {dtype} can hold are needed, got {values[~fits].flat[0]}")
    return values.astype(wanted, copy=False)
