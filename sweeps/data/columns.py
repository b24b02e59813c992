"""The columns of a table as inputs, target and sample weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.csv_format import UNKNOWN, CsvFormat
from sweeps.data.dataset import Array, Inputs, Part, RawDataset
from sweeps.data.dates import as_days
from sweeps.data.source import DataSource
from sweeps.data.table_plan import LONGEST_CATEGORY, PlannedColumn, TablePlan, plan_columns, quoted
from sweeps.data.tables import Table
from sweeps.data.typed_columns import is_text
from sweeps.data.weights import as_weights
from sweeps.errors import InputError

T = TypeVar("T")


def from_table(table: Table, source: DataSource, validation_rows: int = 0) -> RawDataset:
    """Take the source's target as `y`, its weight column as the sample weights, and the columns to keep as inputs.

    Complete numeric columns become one float32 array (n, features). When a column holds text or dates or misses values,
    the inputs are a dictionary, column -> (n, 1): float32 with NaN, or text with ``""``, for a missing value; dates are
    days. If the source wants them as given, numbers keep their dtypes, and the array has a common one. Rows without a
    target are left out.

    Args:
        validation_rows: how many of the last rows validate; 0: they are split off later.

    Raises:
        InputError: the target or weight column is not there, a weight is missing, there is no other column, or columns
            hold neither numbers nor categories: all that is wrong in one message.
    """
    if source.target is None:
        names = list(table.data.column_names)
        raise InputError(f"target: the column to predict must be given, one of {quoted(names)}")
    plan = plan_columns(table, source)
    plan, labelled = _labelled(plan)
    inputs, weights = plan.used("input"), plan.used("weights")
    if not inputs:
        left = "; ".join(note for note in plan.notes if "left out" in note)
        raise InputError(f"a column beside the target {source.target!r} is needed, got none{left and ': ' + left}")
    collected = _Collected()
    target = collected.take(lambda: [_target(one) for one in plan.used("target")])
    columns = {one.name: collected.take(lambda one=one: _feature(one, source.as_given)) for one in inputs}  # type: ignore[misc]
    weighed = collected.take(lambda: [_weights(one) for one in weights])
    plain = not any(one.column.date is not None for one in inputs) and all(map(_is_plain, columns.values()))
    if not plain:
        collected.take(lambda: _check_input_names(columns))
    collected.complain()
    x: Inputs = (
        np.stack(list(columns.values()), axis=1)
        if plain
        else {name: values[:, np.newaxis] for name, values in columns.items()}
    )
    part = Part(x, target[0], weighed[0] if weighed else None)
    unlabelled = _note_of_unlabelled(plan.used("target")[0], labelled)
    notes = (*_note_of_encoding(table, source), *table.notes, *unlabelled, *plan.notes)
    last = int(labelled[len(labelled) - validation_rows :].sum()) if validation_rows else 0
    return RawDataset(
        part.map(lambda array: array[: len(array) - last]),
        part.map(lambda array: array[len(array) - last :]) if validation_rows else None,
        whole=not validation_rows,
        features=tuple(columns),
        notes=notes,
        reading=_reading(plan, source.csv),
    )


def _labelled(plan: TablePlan) -> tuple[TablePlan, Array]:
    """The plan for the rows with a target; and which these are, bool (n,).

    Raises:
        InputError: there is none.
    """
    [target] = plan.used("target")
    values = target.column.values
    is_there: Array = values.is_valid().to_numpy()
    if pa.types.is_floating(values.type):
        is_there = is_there & ~np.isnan(values.to_numpy())
    if is_there.all():
        return plan, is_there
    if not is_there.any():
        raise InputError(f"target: column {target.name!r} has no value in any row")
    kept = pa.array(is_there)
    columns = [replace(one, column=replace(one.column, values=one.column.values.filter(kept))) for one in plan.columns]
    return replace(plan, columns=tuple(columns)), is_there


def _note_of_unlabelled(target: PlannedColumn, labelled: Array) -> tuple[str, ...]:
    missing = int((~labelled).sum())
    return (
        (f"{missing} of {len(labelled)} rows are left out: they have no value in the target {target.name!r}",)
        if missing
        else ()
    )


class _Collected:
    """Complaints about a table, to be made at once."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def take(self, read: Callable[[], T]) -> T:
        """What `read` returns; None where it complains, of which `complain` tells."""
        try:
            return read()
        except InputError as error:
            self.complaints.append(str(error))
            return None  # type: ignore[return-value]

    def complain(self) -> None:
        """Raises:
        InputError: there were complaints.
        """
        if len(self.complaints) == 1:
            raise InputError(self.complaints[0])
        if self.complaints:
            listed = "\n  ".join(self.complaints)
            raise InputError(f"{len(self.complaints)} things are wrong with its columns:\n  {listed}")


def _reading(plan: TablePlan, given: CsvFormat) -> dict[str, Any] | None:
    """How a table of new rows is to be read where it leaves that open, as JSON values; None: it leaves nothing open."""
    dates = {one.name: one.column.date for one in plan.used("input") if one.column.date is not None}
    if not dates and plan.decimal == "." and given == UNKNOWN:
        return None
    return {"decimal": plan.decimal, "dates": dates, "csv": given.given()}


def _note_of_encoding(table: Table, source: DataSource) -> tuple[str, ...]:
    found = None if table.form is None else table.form.encoding
    if found in (None, "utf-8", "utf-16") or source.csv.encoding is not None:
        return ()
    return (f"the file is not in UTF-8: read as {found}; if texts are wrong, give --csv-encoding",)


def _is_plain(values: Array | None) -> bool:
    return values is not None and values.dtype.kind != "U" and not np.isnan(values).any()


def _check_input_names(names: Iterable[str]) -> None:
    """The keys of a dictionary become names of Keras inputs, where ``/`` is a path separator."""
    if bad := [name for name in names if "/" in name]:
        raise InputError(
            f"column {bad[0]!r}: in a table with text or missing values, names hold no '/': rename it, "
            f"or leave it out (--drop {bad[0]!r})"
        )


def is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a boolean, integer, float or decimal."""
    of = pa.types
    return bool(of.is_boolean(kind) or of.is_integer(kind) or of.is_floating(kind) or of.is_decimal(kind))


def _target(planned: PlannedColumn) -> Array:
    name, column = planned.name, planned.column.values
    if is_text(column.type):
        return _as_text(name, column)
    if not is_number(column.type):
        raise InputError(f"target: numbers or text are needed, column {name!r} holds {column.type}")
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    values: Array = column.to_numpy()
    if values.dtype.kind == "f" and (bad := int(np.isinf(values).sum())):
        raise InputError(f"target: column {name!r} holds {bad} infinite of {len(values)} values: drop those rows")
    return values


def _weights(planned: PlannedColumn) -> Array:
    """float32 (n,)."""
    name, column = planned.name, planned.column.values
    if not is_number(column.type):
        first = next((row for row, value in enumerate(column) if value.is_valid), 0)
        raise InputError(
            f"weight_column: numbers of at least 0 are needed, column {name!r} holds {column.type}, "
            f"{str(column[first].as_py())[:40]!r} in row {first}"
        )
    return as_weights(f"weight_column: column {name!r}", column.cast(pa.float64(), safe=False).to_numpy())


def _feature(planned: PlannedColumn, as_given: bool) -> Array:
    """Numbers (n,), float32 or (`as_given`) their own dtype, with NaN for missing; or text (n,) with "" for missing."""
    name, column = planned.name, planned.column.values
    if is_text(column.type) and planned.column.date is None:
        return _as_text(name, column)
    if planned.column.date is not None or pa.types.is_duration(column.type):
        days = as_days(column, planned.column.date or None)
        return days if as_given else days.astype(np.float32)
    if not is_number(column.type):
        raise InputError(
            f"column {name!r}: numbers or text are needed, got {column.type}: leave it out (--drop {name!r})"
        )
    is_whole = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if as_given and is_whole and not column.null_count:
        whole: Array = column.to_numpy()
        return whole
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.float64(), safe=False)  # integers beyond 2^53 are rounded
    values: Array = column.to_numpy()
    with np.errstate(over="ignore"):
        values = values if as_given else values.astype(np.float32)
    if infinite := int(np.isinf(values).sum()):
        raise InputError(
            f"column {name!r}: values below 3.4e38 are needed, got {infinite} that are infinite or larger: "
            f"leave it out (--drop {name!r})"
        )
    return values


def _as_text(name: str, column: pa.ChunkedArray) -> Array:
    longest = compute.max(compute.utf8_length(column)).as_py() or 0
    if longest > LONGEST_CATEGORY:
        raise InputError(
            f"column {name!r}: categories have {LONGEST_CATEGORY} characters at most, got one of {longest}"
        )
    if compute.any(compute.match_substring(column, "\0")).as_py():  # NumPy drops NULs at the end of a text
        raise InputError(f"column {name!r}: text without NUL characters is needed")
    text: Array = compute.fill_null(column, "").to_numpy().astype(np.str_)
    return text
