"""What the columns of a table are: numbers, dates or text, whichever way they are written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.csv_format import UNKNOWN, CsvFormat
from sweeps.data.dates import exchanged, format_of, is_of
from sweeps.data.numerals import (
    PLAIN,
    Numerals,
    best_way,
    candidates,
    is_written,
    mostly_numbers,
    parsed,
    unit_of,
    without_marks,
    without_units,
)
from sweeps.data.tables import Table


@dataclass(frozen=True)
class TypedColumn:
    """A column as it is understood.

    Attributes:
        values: numbers, text, or dates as they are stored; nulls for what is missing.
        written: how it was read, where that is not plain: ``decimal commas, '?' is missing``.
        date: the format of dates in text, "" for a type of dates, None for no dates.
        is_open: whether day and month of all its dates may be exchanged.
        odd: a text among numbers, for which the whole column is taken as text.
    """

    values: pa.ChunkedArray
    written: str = ""
    date: str | None = None
    odd: str | None = None
    is_open: bool = False


def typed_columns(table: Table, names: Collection[str]) -> tuple[dict[str, TypedColumn], str]:
    """The columns by name, and the file's decimal mark."""
    columns = {name: decoded(table.data.column(name)) for name in names}
    texts = {name: without_marks(column) for name, column in columns.items() if is_text(column.type)}
    form = table.form or UNKNOWN
    ways = {name: candidates(column, form.decimal, form.thousands) for name, column in texts.items()}
    for name in [name for name, text in texts.items() if not ways[name] and unit_of(text)]:
        number = without_units(texts[name])
        if way := candidates(number, form.decimal, form.thousands):
            texts[name], ways[name] = number, way
    decimal = file_decimal(form, ways.values())
    found = {name: _as_found(columns[name], texts, ways, name, decimal) for name in names}
    return _in_one_order(found, form.dayfirst) | _thousands_with_points(table, columns, decimal), decimal


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with the values of pandas categories in place of their codes, and large text as text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is text."""
    return bool(pa.types.is_string(kind))


def file_decimal(form: CsvFormat, ways: Collection[tuple[Numerals, ...]]) -> str:
    """The decimal mark of a file: as given; what some column leaves no choice but; else what goes with its separator.

    Args:
        ways: the `candidates` of each column.
    """
    if form.decimal or form.thousands == ".":
        return form.decimal or ","
    if "," in {way[0].decimal for way in ways if len(way) == 1}:
        return ","
    is_open = any(len(way) > 1 for way in ways)
    return "," if is_open and form.separator not in (",", None) else "."


def _as_found(
    column: pa.ChunkedArray,
    texts: Mapping[str, pa.ChunkedArray],
    ways: Mapping[str, tuple[Numerals, ...]],
    name: str,
    decimal: str,
) -> TypedColumn:
    if name not in texts:
        return TypedColumn(column, date="" if is_date(column.type) else None)
    text, possible = texts[name], ways[name]
    if possible:
        way = best_way(text, possible, decimal)
        unit = unit_of(without_marks(column))
        if way != PLAIN or unit or text.null_count > column.null_count:
            written = [f"{unit!r} is left away"] * bool(unit) + [_written(column, text, way)]
            return TypedColumn(parsed(text, way), ", ".join(filter(None, written)))
    elif (form := format_of(text)) is not None:
        other = exchanged(form)
        return TypedColumn(text, _marks(column, text), form, is_open=other is not None and is_of(text, other))
    return TypedColumn(column, odd=None if possible else mostly_numbers(column))


def _in_one_order(columns: dict[str, TypedColumn], dayfirst: bool | None) -> dict[str, TypedColumn]:
    """Columns of dates, day and month in the order that is given, or else in that of those that leave no choice."""
    settled = {one.date[:2] == "%d" for one in columns.values() if one.date and exchanged(one.date) and not one.is_open}
    asked = dayfirst is not None
    if not asked and len(settled) == 1:
        [dayfirst] = settled
    return {name: _ordered(one, dayfirst, asked) if one.is_open else one for name, one in columns.items()}


def _ordered(column: TypedColumn, dayfirst: bool | None, asked: bool) -> TypedColumn:
    form = column.date or ""
    if dayfirst is not None and (form[:2] == "%d") != dayfirst:
        form = exchanged(form) or form
    first, option = ("day", "--no-csv-dayfirst") if form[:2] == "%d" else ("month", "--csv-dayfirst")
    why = (
        f"{first} first as in other columns" if dayfirst is not None else f"{first} first, which no row tells: {option}"
    )
    if dayfirst is None:
        why += " for the other order"
    said = [why] * (not asked) + [column.written] * bool(column.written)
    return replace(column, date=form, written=", ".join(said))


def _thousands_with_points(
    table: Table, columns: Mapping[str, pa.ChunkedArray], decimal: str
) -> dict[str, TypedColumn]:
    """Columns such as ``1.234`` of a file with decimal commas, which were read as decimal points."""
    if decimal != "," or table.form is None or table.form.separator == "," or table.form.thousands not in (".", None):
        return {}
    floats = [name for name, column in columns.items() if pa.types.is_floating(column.type)]
    if not floats:
        return {}
    way, texts = Numerals(",", "."), table.as_text(floats)
    cleaned = {name: without_marks(texts.column(name)) for name in floats}
    return {
        name: TypedColumn(parsed(column, way), _written(texts.column(name), column, way))
        for name, column in cleaned.items()
        if is_written(column, way)
    }


def is_date(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a date or a time of day; durations are numbers."""
    of = pa.types
    return bool(of.is_date(kind) or of.is_timestamp(kind) or of.is_time(kind))


def _written(column: pa.ChunkedArray, text: pa.ChunkedArray, way: Numerals) -> str:
    said = []
    if way.decimal == ",":
        said.append("decimal commas")
    if way.thousands and (mark := _mark_of_thousands(text, way)):
        said.append(f"{mark!r} between thousands")
    if marks := _marks(column, text):
        said.append(marks)
    return ", ".join(said)


def _mark_of_thousands(text: pa.ChunkedArray, way: Numerals) -> str:
    return next((mark for mark in way.thousands if compute.any(compute.match_substring(text, mark)).as_py()), "")


def _marks(column: pa.ChunkedArray, text: pa.ChunkedArray) -> str:
    """Which texts were taken for missing."""
    marks = compute.drop_null(column.filter(compute.is_null(text)).unique()).to_pylist()
    named = [repr(mark) for mark in marks if mark.strip()] + (
        ["blank"] if any(not mark.strip() for mark in marks) else []
    )
    return f"{', '.join(named[:3])} {'is' if len(named) == 1 else 'are'} missing" if named else ""
