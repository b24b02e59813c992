"""Trials as a table on the terminal: chosen, sorted, and no wider than the window."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from sweeps.errors import InputError, unknown
from sweeps.study.leaderboard import ERROR, Leaderboard

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"(?P<name>.+?)\s*(?P<how><=|>=|!=|=|<|>)\s*(?P<value>.*)")

#: characters of a line that errors have at least
_ERRORS = 30

Row = Mapping[str, Any]


def show(console: Console, board: Leaderboard, columns: Sequence[str] = ()) -> None:
    """Print the table; what does not fit beside the first columns is left out, and named below.

    Args:
        columns: the only ones to show, however wide; none: those that differ.
    """
    cells = {name: [board.texts(row, [name])[0] for row in board.rows] for name in columns or board.columns}
    shown = list(cells) if columns else _fitting(cells, console.width)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in shown:
        right = any(isinstance(row.get(name), int | float) for row in board.rows)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for texts in zip(*(cells[name] for name in shown), strict=True):
        table.add_row(*texts)
    console.print(table, markup=False)
    said = [] if columns else [board.said_of_same]
    if left := [name for name in cells if name not in shown]:
        said.append(f"left out in this window: {', '.join(left)}")
    for line in filter(None, said):
        console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)


def ordered(rows: Sequence[Row], by: str, board: Leaderboard, direction: str) -> list[Row]:
    """The rows sorted by `COLUMN`, `COLUMN:asc` or `COLUMN:desc`; those without a value come last.

    Args:
        direction: of the objective, whose best value is the first by default.

    Raises:
        InputError: there is no such column.
    """
    name, _, asked = by.rpartition(":") if by.endswith((":asc", ":desc")) else (by, "", "")
    check_column(name, board)
    down = asked == "desc" or (not asked and name == board.metric and direction == "maximize")
    having = [row for row in rows if row.get(name) is not None]
    numeric = all(_is_number(row[name]) for row in having)
    having.sort(key=lambda row: row[name] if numeric else str(row[name]), reverse=down)
    return [*having, *(row for row in rows if row.get(name) is None)]


def kept(rows: Sequence[Row], condition: str, board: Leaderboard) -> list[Row]:
    """The rows for which a condition such as `n_hidden>=2` holds.

    Raises:
        InputError: it is none, there is no such column, or one of text is compared by size.
    """
    found = _CONDITION.fullmatch(condition.strip())
    if found is None:
        raise InputError(f"--filter: COLUMN=VALUE is wanted, or !=, <, <=, > or >= between them, got {condition!r}")
    name, how, value = found["name"], found["how"], found["value"]
    check_column(name, board)
    having = [row for row in rows if row.get(name) is not None]
    try:
        wanted: Any = float(value)
    except ValueError:
        wanted = value
    numeric = isinstance(wanted, float) and all(_is_number(row[name]) for row in having)
    if not numeric and how not in ("=", "!="):
        raise InputError(f"--filter: {how} compares numbers, got {condition!r}")
    return [
        row for row in having if _COMPARE[how](row[name] if numeric else str(row[name]), wanted if numeric else value)
    ]


def check_column(name: str, board: Leaderboard) -> None:
    """Raises: InputError: no trial has it."""
    known = dict.fromkeys((*board.columns, *(name for row in board.rows for name in row)))
    if board.rows and name not in known:
        raise unknown("column", name, known)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fitting(cells: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """The first columns that a line has room for, with two spaces between them; errors are folded into what is left
    of it."""
    shown: list[str] = []
    room = width - (_ERRORS + 2) * (ERROR in cells)
    for name, texts in cells.items():
        room -= max(cell_len(text) for text in (name, *texts)) + 2 * bool(shown)
        if name == ERROR or (room < 0 and shown):
            break
        shown.append(name)
    return [*shown, ERROR] if ERROR in cells else shown
