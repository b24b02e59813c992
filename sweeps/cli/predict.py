"""`sweeps predict`: predictions of an exported model."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sweeps.cli.json_output import json_flag
from sweeps.errors import InputError

if TYPE_CHECKING:
    from sweeps.export.predict import Predicted

#: rows without a prediction that are named one by one
MOST_NAMED = 100


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export: exports/STUDY.")
@click.option("--rows", type=click.IntRange(1), help="Predict only the first rows.  [all]")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a .csv or .json file: the columns of FILE that the model does not use (of a folder, each row's "
    "file and its number there), then the predictions.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="The least probability of the second of two classes, or of a label, that chooses it.  [0.5]",
)
@json_flag
def predict(
    file: Path, model: Path, rows: int | None, output: Path | None, threshold: float | None, as_json: bool
) -> None:
    """Predict the rows of FILE (.npy, .npz, .csv, .parquet, .png, .jpeg, or a folder of them) with an exported model.

    Prints class names and probabilities, or numbers for a regression; the raw outputs where their meaning is unknown.
    Rows and files that are wrong are named, and the others predicted; the exit code is 2 then.
    """
    from sweeps.export import predictions
    from sweeps.export.predict import predict as predict_rows

    if output is not None:
        predictions.check_output(output, file)
    with contextlib.ExitStack() as stack:
        writers: list[Callable[[Predicted], None]] = []
        if output is not None:
            writers.append(stack.enter_context(predictions.output(output)))
        if as_json:
            writers.append(_as_items(stack.enter_context(predictions.json_list(sys.stdout))))
        elif output is None:
            writers.append(_as_lines)
        count, wrong = 0, _Wrong()
        with _progress(shown=output is not None) as advance:
            for some in predict_rows(model, file, rows, threshold):
                wrong.tell(some)
                for write in writers:
                    write(some)
                count += len(some.rows) - len(some.faults)
                advance(len(some.rows), some.total)
        wrong.conclude()
    if output is not None:
        click.echo(f"{count} predictions in {output}", err=as_json)
    if wrong.count:
        sys.exit(InputError.exit_code)


@contextlib.contextmanager
def _progress(shown: bool) -> Iterator[Callable[[int, int | None], None]]:
    """Shows on a terminal how many rows are predicted; gives what is told of so many more, and of the total."""
    columns = (TextColumn("{task.completed:,} rows"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, transient=True, disable=not (shown and screen.is_terminal)) as bar:
        task = bar.add_task("predict", total=None)
        yield lambda rows, total: bar.update(task, advance=rows, total=total)


class _Wrong:
    """Names the rows without a prediction on standard error, the first of them one by one."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, some: Predicted) -> None:
        rows = (f"{_name(some, row)}: {said}" for row, said in some.faults.items())
        for said in (*some.skipped, *rows):
            self.count += 1
            if self.count <= MOST_NAMED:
                click.echo(f"not predicted: {said}", err=True)

    def conclude(self) -> None:
        if self.count:
            click.echo(f"{self.count} rows have no prediction (the first row is 0)", err=True)


def _name(some: Predicted, row: int) -> str:
    return some.names[row] if some.names else f"row {some.first + row}"


def _as_items(write: Callable[[Any], None]) -> Callable[[Predicted], None]:
    from sweeps.export.predictions import with_errors

    def write_rows(some: Predicted) -> None:
        for row in with_errors(some):
            write(row)

    return write_rows


def _as_lines(some: Predicted) -> None:
    from sweeps.export.predictions import with_errors

    for row in with_errors(some):
        click.echo("  ".join(_shown(row)))


def _shown(row: dict[str, Any]) -> Iterator[str]:
    """`class no`, `probability 0.88`; of two classes the probability of the second, too: `P(yes) 0.12`."""
    for name, value in row.items():
        if name != "probabilities":
            yield f"{name} {value}"
        elif len(value) == 2:
            second = list(value)[1]
            yield f"P({second}) {value[second]:.4f}"
