"""Values of new rows as a trained model takes them: what cannot be read is wrong in its own row only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as arrow_csv

from sweeps.data.columns import is_number
from sweeps.data.csv_format import CsvFormat
from sweeps.data.dataset import Array
from sweeps.data.dates import as_days, best_format
from sweeps.data.numerals import (
    PLAIN,
    Numerals,
    best_way,
    candidates,
    is_written,
    look_like_numbers,
    matches,
    parsed,
    without_marks,
    without_units,
)
from sweeps.data.typed_columns import file_decimal, is_date, is_text
from sweeps.errors import InputError

_CONVERSION = arrow_csv.ConvertOptions()
_NULLS = pa.array(_CONVERSION.null_values)
#: true and false among numbers, as Arrow reads them
_NUMBERS_OF = {"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"}
_WHOLE = r"^[+-]?\d{1,18}$"


@dataclass(frozen=True)
class Values:
    """A column of some rows.

    Attributes:
        array: numbers with NaN, or text, (n,).
        wrong: which values cannot be read, bool (n,).
        needed: what is needed in place of these.
        written: the values as they are in the file.
    """

    array: Array
    wrong: Array
    needed: str
    written: pa.ChunkedArray


def with_nulls(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Fields of a CSV file with nulls for what Arrow takes for missing."""
    return compute.if_else(compute.is_in(text, value_set=_NULLS), pa.scalar(None, pa.string()), text)


def numbers(columns: Mapping[str, pa.ChunkedArray], form: CsvFormat) -> dict[str, Values]:
    """Columns of numbers, some of which may be text.

    Args:
        form: how a CSV file is written, with the decimal mark of the training data where the file leaves it open.
    """
    texts = {name: _cleaned(column) for name, column in columns.items() if is_text(column.type)}
    alike = {name: _only(text, look_like_numbers(text, form.thousands)) for name, text in texts.items()}
    ways = {name: candidates(text, form.decimal, form.thousands) for name, text in alike.items()}
    decimal = file_decimal(form, ways.values())
    found = {}
    for name, column in columns.items():
        values, wrong = column, np.zeros(len(column), bool)
        if name in texts:
            way = _way(alike[name], ways[name], decimal, form)
            is_read = matches(alike[name], way)
            values, wrong = _parsed(_only(texts[name], is_read), way), texts[name].is_valid().to_numpy() & ~is_read
        found[name] = Values(_as_array(name, values), wrong, "a number is needed", column)
    return found


def dates(name: str, column: pa.ChunkedArray, form: str) -> Values:
    """A column of dates or times as days, float32.

    Args:
        form: of the training data; dates that are dates by their type are understood whatever it is.
    """
    needed = f"a date is needed, as in training ({form or 'ISO'})"
    if is_text(column.type):
        text = without_marks(column)
        days = as_days(text, best_format(text, form))
        return Values(days.astype(np.float32), text.is_valid().to_numpy() & np.isnan(days), needed, column)
    if column.null_count == len(column):
        column = pa.chunked_array([pa.nulls(len(column), pa.timestamp("us"))])
    if not is_date(column.type):
        raise InputError(f"column {name!r}: dates are needed, as in training ({form or 'ISO'}), got {column.type}")
    return Values(as_days(column).astype(np.float32), np.zeros(len(column), bool), needed, column)


def texts(column: pa.ChunkedArray) -> Values:
    """A column of categories, with ``""`` for a missing one."""
    text: Array = compute.fill_null(column.cast(pa.string()), "").to_numpy().astype(np.str_)
    return Values(text, np.zeros(len(column), bool), "text is needed", column)


def _cleaned(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = without_units(without_marks(column))
    for word, number in _NUMBERS_OF.items():
        text = compute.if_else(compute.equal(text, word), number, text)
    return text


def _only(text: pa.ChunkedArray, kept: Array) -> pa.ChunkedArray:
    """The texts that are kept, null for others."""
    return compute.if_else(pa.array(kept), text, pa.scalar(None, text.type))


def _way(text: pa.ChunkedArray, possible: tuple[Numerals, ...], decimal: str, form: CsvFormat) -> Numerals:
    way = best_way(text, possible, decimal, form.thousands)
    thousands = Numerals(",", ".")
    # 1.234 beside decimal commas is a thousand, as in `typed_columns`
    if way == PLAIN and decimal == "," and form.separator not in (",", None) and is_written(text, thousands):
        return thousands
    return way


def _parsed(text: pa.ChunkedArray, way: Numerals) -> pa.ChunkedArray:
    if way == PLAIN and compute.all(compute.match_substring_regex(text, _WHOLE)).as_py():
        # an id may have more digits than a float
        return compute.replace_substring_regex(text, r"^\+", "").cast(pa.int64())
    return parsed(text, way)


def _as_array(name: str, column: pa.ChunkedArray) -> Array:
    if pa.types.is_duration(column.type):
        return as_days(column)
    if column.null_count == len(column):
        return np.full(len(column), np.nan)
    if not is_number(column.type):
        raise InputError(f"column {name!r}: numbers are needed, as in training, got {column.type}")
    if column.null_count or pa.types.is_decimal(column.type):
        column = column.cast(pa.float64(), safe=False)  # complete integers stay integers
    values: Array = column.to_numpy()
    return values
