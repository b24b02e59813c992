"""`--csv` of commands that list: one table, and nothing else, on standard output."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from sweeps.errors import InputError

csv_flag = click.option("--csv", "as_csv", is_flag=True, help="Print a CSV table.")


def check_one_format(as_json: bool, as_csv: bool) -> None:
    """Raises: InputError: both are asked for."""
    if as_json and as_csv:
        raise InputError("--json or --csv is wanted, got both")


def emit_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a table: a header, then a line for each row; what a row has not is left empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    click.echo(text.getvalue(), nl=False)
