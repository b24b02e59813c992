"""What becomes of each column of a table: input, target, weights, or left out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.csv_names import is_index
from sweeps.data.source import DataSource
from sweeps.data.tables import Table
from sweeps.data.typed_columns import TypedColumn, is_text, typed_columns
from sweeps.errors import InputError, did_you_mean, shortened

# Text with more different values is grouped: these most frequent ones, and all others as one.
MOST_CATEGORIES = 1000
# Longer texts are prose, not categories.
LONGEST_CATEGORY = 256
# From so many values on, text that differs in every row is an id or a name.
FEWEST_IDS = 100

#: said of such columns
AS_AN_ID = "as of an id"

Use = Literal["input", "target", "weights", "left out"]


@dataclass(frozen=True)
class PlannedColumn:
    """A column and what becomes of it.

    Attributes:
        type: of the values as they were understood, in a word or two.
        says: what is done with it.
        noted: whether a person is to hear of it before the first trial: it is not used as it stands.
    """

    name: str
    column: TypedColumn
    use: Use
    type: str
    says: str
    noted: bool = False


@dataclass(frozen=True)
class TablePlan:
    """The columns of a table in its order, and the file's decimal mark."""

    columns: tuple[PlannedColumn, ...]
    decimal: str = "."

    def used(self, use: Use) -> list[PlannedColumn]:
        """The columns with this use."""
        return [column for column in self.columns if column.use == use]

    @property
    def notes(self) -> tuple[str, ...]:
        """A line for each column that is not used as it stands and that nobody asked to leave out."""
        return tuple(f"column {one.name!r}: {one.says}" for one in self.columns if one.noted)


def plan_columns(table: Table, source: DataSource) -> TablePlan:
    """Plan the columns; without a target all but the weights are inputs.

    Raises:
        InputError: a column that the source names is not there, or is named for two things.
    """
    names = list(table.data.column_names)
    _check_named(source, names)
    typed, decimal = typed_columns(table, names)
    kept = set(source.columns or names) - set(source.drop)
    return TablePlan(tuple(_planned(name, typed[name], name in kept, source) for name in names), decimal)


def _check_named(source: DataSource, names: list[str]) -> None:
    named: dict[str, Iterable[str]] = {
        "target": () if source.target is None else (source.target,),
        "weight_column": () if source.weight_column is None else (source.weight_column,),
        "drop": source.drop,
        "columns": source.columns,
    }
    for option, wanted in named.items():
        for name in wanted:
            if name not in names:
                raise InputError(f"{option}: no column {name!r}.{did_you_mean(name, names)}\nThere are {quoted(names)}")
    if source.weight_column is not None and source.weight_column == source.target:
        raise InputError(f"weight_column: another column than the target is needed, got {source.target!r} for both")
    for option in ("target", "weight_column"):
        if (name := getattr(source, option)) in source.drop:
            raise InputError(f"drop: {name!r} is the {option.replace('_', ' ')}")
    if both := [name for name in source.columns if name in source.drop]:
        raise InputError(f"drop: {both[0]!r} is also one of the columns to keep")


def quoted(names: Iterable[str]) -> str:
    """The names for an error, the first twenty of them."""
    return shortened([repr(name) for name in names], 20)


def _planned(name: str, typed: TypedColumn, kept: bool, source: DataSource) -> PlannedColumn:
    kind, values = _type(typed), typed.values
    written = f", {typed.written}" if typed.written else ""
    if name in (source.target, source.weight_column):
        use: Use = "target" if name == source.target else "weights"
        return PlannedColumn(name, typed, use, kind, f"{use}: {kind}{written}", bool(written))
    if not kept:
        return PlannedColumn(name, typed, "left out", kind, "left out, as asked")
    if is_index(name, values):
        return PlannedColumn(name, typed, "left out", kind, "left out: it has no name and numbers the rows", True)
    if values.null_count == len(values):
        return PlannedColumn(name, typed, "left out", "empty", "left out: it has no value in any row", True)
    if typed.date is not None:
        made = "the time of day" if pa.types.is_time(values.type) or typed.date[:2] in ("%H", "%I") else "elapsed time"
        return PlannedColumn(name, typed, "input", kind, f"{kind}{written}, as {made} and its cycles", True)
    if is_text(values.type):
        return _planned_text(name, typed, source.as_given)
    missing = "; missing ones become the mean" if values.null_count and not source.as_given else ""
    return PlannedColumn(name, typed, "input", kind, f"{kind}{written}{missing}", bool(written))


def _planned_text(name: str, typed: TypedColumn, as_given: bool) -> PlannedColumn:
    values = typed.values
    different = compute.count_distinct(values).as_py()
    odd = "" if typed.odd is None else f", though most are numbers: not {typed.odd[:40]!r}"
    if as_given:
        return PlannedColumn(name, typed, "input", "text", f"text{odd}", bool(odd))
    if different >= FEWEST_IDS and different == len(values) - values.null_count:
        says = f"left out: {different} different texts, one a row, {AS_AN_ID}{odd}"
        return PlannedColumn(name, typed, "left out", "text", says, True)
    longest = compute.max(compute.utf8_length(values)).as_py() or 0
    if longest > LONGEST_CATEGORY:
        says = f"left out: texts of up to {longest} characters are no categories"
        return PlannedColumn(name, typed, "left out", "text", says, True)
    if different > MOST_CATEGORIES:
        says = f"the {MOST_CATEGORIES} most frequent of {different} categories, the rest as unknown{odd}"
        return PlannedColumn(name, typed, "input", "text", says, True)
    return PlannedColumn(name, typed, "input", "text", f"{different} categories{odd}", bool(odd))


def _type(typed: TypedColumn) -> str:
    kind = typed.values.type
    if typed.date is not None:
        return f"dates ({typed.date})" if typed.date else "times" if pa.types.is_time(kind) else "dates"
    of = pa.types
    if is_text(kind):
        return "text"
    if of.is_boolean(kind):
        return "true/false"
    if of.is_integer(kind):
        return "whole numbers"
    return "numbers" if of.is_floating(kind) or of.is_decimal(kind) else str(kind)
