"""What is in a table and what becomes of each of its columns: shown before there is any trial."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.dataset import Dataset
from sweeps.data.leakage import leaks
from sweeps.data.load import load
from sweeps.data.source import DataSource
from sweeps.data.table_plan import PlannedColumn, plan_columns
from sweeps.data.tables import Table, read_table
from sweeps.errors import InputError


@dataclass(frozen=True)
class ColumnProfile:
    """A column of a table.

    Attributes:
        type: of the values as they were understood.
        missing: how many rows have none.
        different: how many different values there are; None for values that cannot be compared.
        use: input, target, weights or left out.
        done: what is done with it.
    """

    name: str
    type: str
    missing: int
    different: int | None
    use: str
    done: str


@dataclass(frozen=True)
class TableProfile:
    """A table as a sweep would take it.

    Attributes:
        separator, decimal, encoding: of a CSV file, as given or found; None for other files.
        task: the target's kind, see `DataSpec`; None without a target or with problems.
        task_line: the task in words, and why.
        warnings: what makes a score too good to be true, or is odd.
        problems: why a sweep would refuse it.
    """

    file: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    task: str | None = None
    task_line: str | None = None
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def profile(source: DataSource) -> TableProfile:
    """Read a table, plan its columns, and with a target also look for what a sweep would refuse or warn of.

    Raises:
        InputError: the file is no table or cannot be read, or a column that the source names is not there.
    """
    path = source.path
    if path is None or path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"data: the path of a .csv or .parquet file is needed, got {source.name!r}")
    try:
        table = read_table(path, source.csv)
        plan = plan_columns(table, source)
    except InputError as error:
        raise InputError(f"dataset {source.name!r}: {error}") from None
    except OSError as error:
        raise InputError(f"dataset {source.name!r} cannot be read: {error.strerror}") from None
    form = table.form
    data, problems = _tried(source)
    warnings = () if data is None else _warnings(data)
    return TableProfile(
        str(path),
        table.data.num_rows,
        tuple(_column(one) for one in plan.columns),
        separator=form.separator if form else None,
        decimal=plan.decimal if form else None,
        encoding=form.encoding if form else None,
        task=data.spec.target if data else None,
        task_line=data.task if data else None,
        warnings=(*warnings, *_numbered(table, plan.used("input"))),
        problems=problems,
    )


def _tried(source: DataSource) -> tuple[Dataset | None, tuple[str, ...]]:
    """The data of a sweep, None without a target; and what it would refuse."""
    if source.target is None:
        return None, ()
    try:
        return load(source), ()
    except InputError as error:
        return None, (str(error),)


def _warnings(data: Dataset) -> tuple[str, ...]:
    """What a sweep would say, without the lines of the columns."""
    return (*(line for line in data.warnings if not line.startswith("column ")), *leaks(data))


def _column(planned: PlannedColumn) -> ColumnProfile:
    values = planned.column.values
    different = None
    if not pa.types.is_nested(values.type):
        different = compute.count_distinct(values).as_py()
    return ColumnProfile(planned.name, planned.type, values.null_count, different, planned.use, planned.says)


def _numbered(table: Table, inputs: list[PlannedColumn]) -> tuple[str, ...]:
    """A warning for each column of whole numbers that counts the rows."""
    rows = table.data.num_rows
    found = []
    for one in inputs:
        values = one.column.values
        if rows < 50 or not pa.types.is_integer(values.type) or compute.count_distinct(values).as_py() < rows:
            continue
        ends = compute.min_max(values).as_py()
        if ends["max"] - ends["min"] < 2 * rows:
            found.append(
                f"column {one.name!r} numbers the rows, as an id does: leave it out (--drop {one.name!r}) "
                "unless its order means something"
            )
    return tuple(found)
