"""Reading rows of a file for prediction: the columns of the training data, with their dtypes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.columns import is_number
from sweeps.data.dataset import Array
from sweeps.data.dates import as_days, is_of
from sweeps.data.numerals import without_marks
from sweeps.data.tables import Table, read_table
from sweeps.data.typed_columns import TypedColumn, decoded, is_date, is_text, typed_columns
from sweeps.errors import InputError


def read_rows(
    path: Path, columns: Mapping[str, str], rows: int, missing: bool, reading: Mapping[str, Any] | None = None
) -> dict[str, Array]:
    """Read the first `rows` rows of a table, without columns that the model does not use.

    Args:
        path: a `.csv` or `.parquet` file.
        columns: name -> dtype, "string" or that of a number.
        rows: how many to read at most.
        missing: whether numbers may be missing; text always may.
        reading: how the training data were read, see `Dataset.reading`.

    Returns:
        For each column an array (n, 1) of its dtype, with NaN, or ``""`` in text, for a missing value.

    Raises:
        InputError: the file or a column is missing, a column of numbers holds text, or a number is missing or out of
            its dtype's range.
    """
    dates = {name: form for name, form in (reading or {}).get("dates", {}).items() if name in columns}
    text = [name for name, dtype in columns.items() if dtype == "string"]
    table = read_table(path, text=[*text, *(name for name, form in dates.items() if form)])
    if absent := [name for name in columns if name not in table.data.column_names]:
        are = "is" if len(absent) == 1 else "are"
        raise InputError(f"the columns of the training data are needed, {', '.join(map(repr, absent))} {are} not there")
    typed = _typed(table, [name for name in columns if name not in text], (reading or {}).get("decimal", "."))
    read: dict[str, Array] = {}
    for name, dtype in columns.items():
        if name in text:
            values = _text(decoded(table.data.column(name)).slice(0, rows))
        elif name in dates:
            values = _days(name, typed[name], dates[name])[:rows]
        else:
            values = _numbers(name, typed[name].values.slice(0, rows), dtype, missing)
        read[name] = values[:, np.newaxis]
    return read


def _typed(table: Table, names: Collection[str], decimal: str) -> dict[str, TypedColumn]:
    """The columns of numbers and dates, with the training data's decimal mark where the file leaves it open."""
    form = table.form
    # between commas, a number without quotes has none
    if form is not None and decimal == "," and form.separator != ",":
        form = replace(form, decimal=decimal)
    return typed_columns(replace(table, form=form), names)[0]


def _days(name: str, typed: TypedColumn, form: str) -> Array:
    """float32 (n,). Dates that are dates by their type are understood whatever the format was in training."""
    values = typed.values
    if is_text(values.type):
        values = without_marks(values)
        if values.null_count < len(values):
            wanted = form if form and is_of(values, form) else typed.date
            if wanted is None:
                raise InputError(
                    f"column {name!r}: dates are needed, as in training ({form or 'ISO'}), got {_some(values)}"
                )
            return as_days(values, wanted).astype(np.float32)
    if values.null_count == len(values):
        return np.full(len(values), np.nan, np.float32)
    if not is_date(values.type):
        raise InputError(f"column {name!r}: dates are needed, as in training ({form or 'ISO'}), got {values.type}")
    return as_days(values).astype(np.float32)


def _some(values: pa.ChunkedArray) -> str:
    return repr(values.drop_null()[0].as_py())[:40]


def _text(column: pa.ChunkedArray) -> Array:
    values: Array = compute.fill_null(column.cast(pa.string()), "").to_numpy().astype(np.str_)
    return values


def _numbers(name: str, column: pa.ChunkedArray, dtype: str, missing: bool) -> Array:
    if is_text(column.type) and without_marks(column).null_count == len(column):
        column = pa.chunked_array([pa.nulls(len(column), pa.float64())])
    if pa.types.is_duration(column.type):
        column = pa.chunked_array([as_days(column)])
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
    table = read_table(path).data
    others = [name for name in table.column_names if name not in without]
    # a .csv file again: an id such as 007 is no number
    return read_table(path, text=others).data.select(others).to_pandas()
