"""Reading rows of a file for prediction: the columns of the training data, with their dtypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sweeps.data.csv_format import UNKNOWN, CsvFormat
from sweeps.data.dataset import Array
from sweeps.data.row_values import Values, dates, numbers, texts, with_nulls
from sweeps.data.table_stream import Piece, pieces
from sweeps.data.typed_columns import decoded
from sweeps.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Some rows of a table.

    Attributes:
        first: how many rows come before.
        count: how many they are.
        arrays: of the rows that are right, for each column an array (n, 1) of its dtype, with NaN, or ``""`` in text,
            for a missing value.
        faults: the other rows, from 0 on, and what is wrong with them.
        others: the columns that the model does not use, of a CSV file as they are written.
        skipped: what is said of lines that are no rows.
    """

    first: int
    count: int
    arrays: dict[str, Array]
    faults: dict[int, str]
    others: pa.Table
    skipped: tuple[str, ...] = ()


def read_rows(
    path: Path, columns: Mapping[str, str], missing: bool, reading: Mapping[str, Any] | None = None
) -> Iterator[Rows]:
    """Read the rows of a table, of any size.

    Args:
        path: a `.csv` or `.parquet` file.
        columns: name -> dtype, "string" or that of a number.
        missing: whether numbers may be missing; text always may.
        reading: how the training data were read, see `Dataset.reading`.

    Raises:
        InputError: the file or a column is missing, or a column is of another type.
    """
    reading = reading or {}
    for piece in pieces(path, CsvFormat(**reading.get("csv") or {})):
        names = piece.data.column_names
        if absent := [name for name in columns if name not in names]:
            are = "is" if len(absent) == 1 else "are"
            raise InputError(
                f"the columns of the training data are needed, {', '.join(map(repr, absent))} {are} not there"
            )
        read = _read(piece, columns, reading)
        faults: dict[int, str] = {}
        for name, dtype in columns.items():
            _note_faults(faults, name, read[name], dtype, missing)
        right = np.ones(piece.data.num_rows, bool)
        right[list(faults)] = False
        arrays = {name: _cast(read[name].array[right], dtype)[:, np.newaxis] for name, dtype in columns.items()}
        others = piece.data.select([name for name in names if name not in columns])
        yield Rows(piece.first, piece.data.num_rows, arrays, faults, others, piece.skipped)


def first_rows(rows: Iterator[Rows], count: int) -> Iterator[Rows]:
    """Only so many rows, from the first."""
    for some in rows:
        left = count - some.first
        if left <= 0:
            return
        if some.count <= left:
            yield some
            continue
        faults = {row: said for row, said in some.faults.items() if row < left}
        arrays = {name: array[: left - len(faults)] for name, array in some.arrays.items()}
        yield Rows(some.first, left, arrays, faults, some.others.slice(0, left), some.skipped)


def _read(piece: Piece, columns: Mapping[str, str], reading: Mapping[str, Any]) -> dict[str, Values]:
    formats = reading.get("dates", {})
    data = {name: decoded(piece.data.column(name)) for name in columns}
    if piece.form is not None:
        data = {name: with_nulls(column) for name, column in data.items()}
    read: dict[str, Values] = {}
    quantities = {}
    for name, dtype in columns.items():
        if dtype == "string":
            read[name] = texts(data[name])
        elif name in formats:
            read[name] = dates(name, data[name], formats[name])
        else:
            quantities[name] = data[name]
    return read | numbers(quantities, _form(piece, reading.get("decimal", ".")))


def _form(piece: Piece, decimal: str) -> CsvFormat:
    """How the rows are written, with the training data's decimal mark where the file leaves it open."""
    form = piece.form or UNKNOWN
    # between commas, a number without quotes has none
    if piece.form is not None and decimal == "," and form.separator != ",":
        form = replace(form, decimal=decimal)
    return form


def _note_faults(faults: dict[int, str], name: str, values: Values, dtype: str, missing: bool) -> None:
    """Note the rows in which a column has no value that the model can take."""
    if dtype == "string":
        return
    is_float = values.array.dtype.kind == "f"
    is_bad = values.wrong | ~_fits(values.array, dtype)
    if is_float:
        is_bad |= np.isinf(values.array) | (np.isnan(values.array) & (not missing))
    for row in np.flatnonzero(is_bad).tolist():
        got = f"got {repr(values.written[row].as_py())[:40]}"
        said = f"a number that {dtype} can hold is needed, {got}"
        if values.wrong[row]:
            said = f"{values.needed}, {got}"
        elif is_float and np.isnan(values.array[row]):
            said = "a value is needed, since none was missing in training"
        faults.setdefault(row, f"column {name!r}: {said}")


def as_dtype(label: str, values: Array, dtype: str) -> Array:
    """Cast numbers as Keras casts an input: fractions are truncated for integer dtypes.

    Args:
        label: of the values, for errors.
        values: numbers of any shape.
        dtype: a Keras dtype other than "string"; for bfloat16 the result is float32, which Keras casts.

    Raises:
        InputError: a number is out of the dtype's range, or missing and the dtype is not a float's.
    """
    if not (fits := _fits(values, dtype)).all():
        raise InputError(f"{label}: numbers that {dtype} can hold are needed, got {values[~fits].flat[0]}")
    return _cast(values, dtype)


def _cast(values: Array, dtype: str) -> Array:
    return values if dtype == "string" else values.astype(_numpy(dtype), copy=False)


def _numpy(dtype: str) -> np.dtype[Any]:
    return np.dtype("float32" if dtype == "bfloat16" else dtype)


def _fits(values: Array, dtype: str) -> Array:
    """Which numbers the dtype can hold; NaN only as a float."""
    wanted = _numpy(dtype)
    if wanted.kind in "iu":
        limits, whole = np.iinfo(wanted), np.trunc(values) if values.dtype.kind == "f" else values
        # limits.max + 1 is a power of two, which a float holds exactly
        fits: Array = (whole >= limits.min) & (whole < limits.max + 1)
    else:
        with np.errstate(over="ignore"):
            fits = (
                ~np.isnan(values) if wanted.kind == "b" else np.isfinite(values.astype(wanted)) | ~np.isfinite(values)
            )
    return fits
