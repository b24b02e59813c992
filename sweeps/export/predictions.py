"""Predictions as a file: beside what the model does not use of the rows, an id for instance, or the row numbers."""

from __future__ import annotations

import codecs
import contextlib
import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sweeps.errors import InputError, MachineFault
from sweeps.export.predict import Predicted
from sweeps.system.atomic_files import atomic_write

Write = Callable[[Predicted], None]


@contextlib.contextmanager
def output(to: Path) -> Iterator[Write]:
    """A `.csv` or `.json` file to which predictions are written as they come; it is there when the block ends well.

    Yields:
        A function that writes some of them, a row for each.

    Raises:
        MachineFault: the file cannot be written.
    """
    try:
        written = _json if to.suffix.lower() == ".json" else _csv
        with atomic_write(to) as stream, written(codecs.getwriter("utf-8")(stream)) as write:
            yield write
    except BrokenPipeError:  # of standard output
        raise
    except OSError as error:
        raise MachineFault(f"--output: {str(to)!r} cannot be written: {error.strerror or error}") from None


def check_output(to: Path, file: Path) -> None:
    """Check where predictions are to be written, before they are computed.

    Raises:
        InputError: another ending than `.csv` or `.json`, no such folder, or the file that is predicted.
    """
    if to.suffix.lower() not in (".csv", ".json"):
        raise InputError(f"--output: a .csv or .json file is wanted, got {str(to)!r}")
    if not to.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(to.parent)!r}")
    if to.is_dir() or (to.exists() and file.exists() and to.samefile(file)):
        raise InputError(f"--output: another file is wanted, got {str(to)!r}")


@contextlib.contextmanager
def json_list(stream: Any) -> Iterator[Callable[[Any], None]]:
    """A list in JSON, of which the items are written as they come."""
    before = "["

    def write(item: Any) -> None:
        nonlocal before
        stream.write(f"{before}\n {json.dumps(_json_value(item), ensure_ascii=False, allow_nan=False)}")
        before = ","

    yield write
    stream.write("[]\n" if before == "[" else "\n]\n")


def with_errors(some: Predicted) -> Iterator[dict[str, Any]]:
    """The predictions, of a row that is wrong what is wrong with it."""
    for row, found in enumerate(some.rows):
        yield {"error": some.faults[row]} if found is None else found


@contextlib.contextmanager
def _json(stream: Any) -> Iterator[Write]:
    with json_list(stream) as write_item:

        def write(some: Predicted) -> None:
            for other, row in zip(_others(some), with_errors(some), strict=True):
                write_item(other | _renamed(row, other))

        yield write


@contextlib.contextmanager
def _csv(stream: Any) -> Iterator[Write]:
    writer = csv.writer(stream, lineterminator="\n")
    waiting: list[Predicted] = []
    before: list[str] = []
    columns: list[str] = []

    def write(some: Predicted) -> None:
        nonlocal before, columns
        waiting.append(some)
        first = next((row for row in some.rows if row is not None), None)
        if not columns and first is None:
            return  # the header has the names of a prediction
        if not columns:
            other = next(_others(some))
            before, columns = list(other), list(_cells(first or {}))
            writer.writerow([*before, *_renamed(dict.fromkeys(columns), other)])
        for each in waiting:
            for other, row in zip(_others(each), each.rows, strict=True):
                cells = {} if row is None else _cells(row)
                writer.writerow(
                    [*(_cell(other.get(name)) for name in before), *(_cell(cells.get(name)) for name in columns)]
                )
        waiting.clear()

    yield write


def _others(some: Predicted) -> Iterator[dict[str, Any]]:
    """What stands before each prediction."""
    if some.others is None or not some.others.num_columns:
        return ({"row": some.first + row} for row in range(len(some.rows)))
    return iter(some.others.to_pylist())


def _renamed(row: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {f"predicted {name}" if name in other else name: value for name, value in row.items()}


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A prediction as columns: `class`, `P(no)`, `P(yes)`; `value`, or `value[0]`, `value[1]`; `labels`, `P(…)`."""
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("probabilities", "labels"):
            cells |= {f"P({label})": probability for label, probability in value.items()}
        elif name == "chosen":
            cells[name] = ";".join(value)
        elif isinstance(value, list):
            cells |= {f"{name}[{index}]": number for index, number in enumerate(value)}
        else:
            cells[name] = value
    return cells


def _cell(value: Any) -> Any:
    """A value as the csv module writes it: nothing for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value) if isinstance(value, Decimal) else _plain(value)


def _json_value(value: Any) -> Any:
    """A value of a table as JSON has it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _json_value(float(value))
    if isinstance(value, Mapping):
        return {str(name): _json_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(one) for one in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Dates, durations and bytes as text."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
