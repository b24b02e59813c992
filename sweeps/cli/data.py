"""`sweeps data`: what is in a table, and what a sweep would do with it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps.cli.console import console
from sweeps.cli.json_output import emit, json_flag
from sweeps.cli.output import LastingOutput
from sweeps.cli.table_options import table_options
from sweeps.errors import InputError

if TYPE_CHECKING:
    from sweeps.data import TableProfile


@click.command()
@click.argument("file")
@table_options
@json_flag
def data(file: str, as_json: bool, **options: Any) -> None:
    """Show the columns of FILE (.csv, .parquet) and what a sweep would do with each, before any trial.

    Says what would be refused and, with --target, which columns give it away.
    """
    from sweeps.config import load_config
    from sweeps.data import profile

    given = {name: value for name, value in options.items() if value != ()}
    found = profile(load_config(given | {"dataset": file, "study": "data"}).source(as_given=False))
    if as_json:
        emit(asdict(found))
    else:
        _show(found, console(LastingOutput(sys.stdout)))
    if found.problems:
        raise InputError("\n".join(found.problems))


def _show(found: TableProfile, console: Console) -> None:
    def say(line: str) -> None:
        console.print(line, highlight=False, markup=False, soft_wrap=True)

    written = ""
    if found.separator is not None:
        written = f", {found.encoding}, separator {found.separator!r}, decimal mark {found.decimal!r}"
    say(f"{found.file}: {found.rows} rows, {len(found.columns)} columns{written}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading, side in (("column", "left"), ("type", "left"), ("missing", "right"), ("values", "right")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    table.add_column("what is done with it", overflow="fold")
    for one in found.columns:
        different = "" if one.different is None else str(one.different)
        table.add_row(Text(one.name), one.type, str(one.missing), different, Text(one.done))
    console.print(table, markup=False, highlight=False)
    if found.task_line:
        say(f"task: {found.task_line}")
    for warning in found.warnings:
        say(f"warning: {warning}")
