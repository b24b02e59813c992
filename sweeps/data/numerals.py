"""Columns of text that are numbers: with marks of the missing, decimal commas, or marks of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.dataset import Array

# What stands for a missing number beside an empty field and Arrow's own markers (NA, N/A, NaN, null, …).
MISSING = ("", "?", "-", "--", ".", "*", "none", "missing", "unknown", "na", "n/a", "#n/a", "nan", "null", "k.a.")
_SPACES = " '\u00a0\u2009\u202f\u2019"  # between thousands
_UNITS = "%$€£¥"
_BEFORE = rf"^([+-]?)[{_UNITS}][\s\x{{a0}}\x{{202f}}]?([+-]?[\d.,])"
_AFTER = rf"([\d.,])[\s\x{{a0}}\x{{202f}}]?[{_UNITS}]$"
_FLOAT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_COMMA = r"^[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?$"
_GROUPED = r"^[+-]?([1-9]\d{{0,2}}([{groups}]\d{{3}})+|\d+)({decimal}\d*)?$"
_MOSTLY = 0.8


@dataclass(frozen=True)
class Numerals:
    """Marks within numbers: of decimals and, where there are some, of thousands (each character is one)."""

    decimal: str
    thousands: str = ""

    @property
    def pattern(self) -> str:
        """A regular expression for all numbers that are written so."""
        if not self.thousands:
            return _COMMA if self.decimal == "," else _FLOAT
        return _GROUPED.format(groups=self.thousands.replace("-", r"\-"), decimal=f"[{self.decimal}]")


PLAIN = Numerals(".")


def without_marks(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text without blanks around it; null for marks of the missing."""
    trimmed = compute.utf8_trim_whitespace(column)
    is_mark = compute.is_in(compute.utf8_lower(trimmed), value_set=pa.array(MISSING, trimmed.type))
    return compute.if_else(is_mark, pa.scalar(None, trimmed.type), trimmed)


def unit_of(column: pa.ChunkedArray) -> str:
    """The percent sign or currency sign that stands in all texts that are there; "" if there is none."""
    different = compute.drop_null(column.unique())
    units = (unit for unit in _UNITS if compute.all(compute.match_substring(different, unit)).as_py())
    return next(units, "") if len(different) else ""


def without_units(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts without percent signs and currency signs before or after a number."""
    return compute.replace_substring_regex(compute.replace_substring_regex(column, _BEFORE, r"\1\2"), _AFTER, r"\1")


def is_written(column: pa.ChunkedArray, numerals: Numerals) -> bool:
    """Whether all texts that are there are numbers with these marks."""
    return bool(compute.all(compute.match_substring_regex(column, numerals.pattern)).as_py())


def candidates(
    column: pa.ChunkedArray, decimal: str | None = None, thousands: str | None = None
) -> tuple[Numerals, ...]:
    """The ways in which a column of text may be written as numbers: none for text, two where ``1,234`` leaves it open.

    Args:
        column: without marks of the missing.
        decimal, thousands: the marks, if they are known.
    """
    if column.null_count == len(column):
        return ()
    different = column.unique().drop_null()
    if is_written(different, PLAIN):
        return (PLAIN,)
    found = []
    for mark in (",", ".") if decimal is None else (decimal,):
        ways = (Numerals(mark, thousands or ",.".replace(mark, "") + _SPACES), Numerals(mark))
        if mark != thousands:
            found += [way for way in reversed(ways) if is_written(different, way)][:1]
    return tuple(found)


def parsed(column: pa.ChunkedArray, numerals: Numerals) -> pa.ChunkedArray:
    """The numbers of a column of text without marks of the missing, float64 with nulls."""
    if numerals.thousands:
        column = compute.replace_substring_regex(column, f"[{numerals.thousands}]", "")
    if numerals.decimal != ".":
        column = compute.replace_substring(column, numerals.decimal, ".")
    return compute.replace_substring_regex(column, r"^\+", "").cast(pa.float64())


def _ways(thousands: str | None) -> tuple[Numerals, ...]:
    """The ways in which some number may be written, with these marks of thousands if they are known."""
    return (
        *(PLAIN, Numerals(",")),
        *(Numerals(".", thousands or "," + _SPACES), Numerals(",", thousands or "." + _SPACES)),
    )


def look_like_numbers(texts: pa.Array | pa.ChunkedArray, thousands: str | None = None) -> Array:
    """Which texts are numbers in some way, bool (n,); not those that are missing."""
    found = np.zeros(len(texts), bool)
    for way in _ways(thousands):
        found |= matches(texts, way)
    return found


def matches(texts: pa.Array | pa.ChunkedArray, way: Numerals) -> Array:
    """Which texts are numbers with these marks, bool (n,); not those that are missing."""
    found: Array = compute.fill_null(compute.match_substring_regex(texts, way.pattern), False).to_numpy(
        zero_copy_only=False
    )
    return found


def best_way(
    column: pa.ChunkedArray, possible: Sequence[Numerals], decimal: str, thousands: str | None = None
) -> Numerals:
    """How the numbers of a column are written: as the file's decimal mark has it, and so that most of them are read.

    Args:
        column: without marks of the missing.
        possible: the `candidates`; none where no way reads all of them.
        decimal, thousands: the marks of the file.
    """
    if possible:
        return next((way for way in possible if way.decimal == decimal), possible[0])
    ways = sorted(_ways(thousands), key=lambda way: way.decimal != decimal)
    return max(ways, key=lambda way: int(matches(column, way).sum()))


def mostly_numbers(column: pa.ChunkedArray) -> str | None:
    """A text of a column in which most others are numbers; None for a column of text or numbers."""
    different = compute.drop_null(without_marks(column).unique())
    if len(different) < 5:
        return None
    is_number = look_like_numbers(different)
    if is_number.all() or is_number.mean() < _MOSTLY:
        return None
    return str(different[int(np.argmin(is_number))])
