"""Tables and sentences in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Names and values without a header, as lines; what has no value is left out."""
    return table(("", ""), [(name, value) for name, value in rows if value])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as lines; a row may have too few cells."""
    head = [_row(columns), "|" + "---|" * len(columns)]
    return [*head, *(_row([*row, *[""] * (len(columns) - len(row))]) for row in rows)]


def sentence(text: str) -> str:
    """A clause as a sentence: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def _row(cells: Sequence[str]) -> str:
    """Names of columns and classes may hold what Markdown takes for its own."""
    return "| " + " | ".join(" ".join(str(one).replace("|", "\\|").split()) for one in cells) + " |"
