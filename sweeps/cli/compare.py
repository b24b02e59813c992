"""`sweeps compare`: studies side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from sweeps.cli.console import console
from sweeps.cli.csv_output import check_one_format, csv_flag, emit_csv
from sweeps.cli.json_output import emit, json_flag
from sweeps.errors import InputError

if TYPE_CHECKING:
    from sweeps.study.comparison import Comparison

_HEADINGS = {"option": "options", "space": "space", "figure": "found", "best": "best trial"}


@click.command()
@click.argument("studies", metavar="STUDY STUDY", nargs=-1, required=True)
@json_flag
@csv_flag
def compare(studies: tuple[str, ...], as_json: bool, as_csv: bool) -> None:
    """Show studies side by side: the options and hyperparameters that differ, and the best that each has found.

    Studies of different length are also compared after equally many trials, and after equally many epochs.
    """
    from sweeps.study.comparison import compare as compared

    check_one_format(as_json, as_csv)
    if len(studies) < 2 or len(set(studies)) < len(studies):
        raise InputError(f"compare: two or more different studies are wanted, got {' '.join(studies)}")
    found = compared(studies)
    if as_json:
        emit(asdict(found))
    elif as_csv:
        rows = (
            {"part": part, "name": name, **dict(zip(studies, map(_plain, each), strict=True))}
            for part, name, each in found.rows
        )
        emit_csv(["part", "name", *studies], rows)
    else:
        _show(found)


def _show(found: Comparison) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for name in found.studies:
        table.add_column(name, overflow="fold")
    part_before = ""
    for part, name, values in found.rows:
        if part != part_before:
            table.add_row(Text(_HEADINGS[part], "dim"))
        part_before = part
        winner = _winner(found, name, values) if part == "figure" else None
        texts = [Text(_text(part, name, value), "bold" if value == winner else "") for value in values]
        table.add_row(Text(f"  {name}"), *texts)
    out = console()
    out.print(table, markup=False, highlight=False)
    if found.note:
        out.print(f"note: {found.note}", markup=False, highlight=False, soft_wrap=True)


def _plain(value: Any) -> Any:
    """A value as a cell of CSV."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _winner(found: Comparison, name: str, values: list[Any]) -> Any:
    """The best of the values; None where they do not compare, or are equal."""
    known = [value for value in values if value is not None]
    if not name.startswith(("best", "confirmed")) or found.direction is None or len(set(known)) < 2:
        return None
    return max(known) if found.direction == "maximize" else min(known)


def _text(part: str, name: str, value: Any) -> str:
    from sweeps.study.leaderboard import cell, duration, number

    if part == "figure" and name.startswith(("best", "confirmed")):
        return number(value) or "none yet"
    if part == "figure" and name == "seconds":
        return duration(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value)) or "none"
    return "none" if value is None else cell(value)
