"""A confirmation and the figures of a model in words and cells, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeps.study.confirmation import Confirmation, Finalist
from sweeps.study.leaderboard import number
from sweeps.study.markdown import sentence, table

#: the columns of the finalists
COLUMNS = ("  trial", "mean", "over default", "search", "optimism", "weights")


def cells(finalist: Finalist, wins: bool) -> list[str]:
    """A finalist in these columns; of one that failed the first two."""
    name = ("* " if wins else "  ") + finalist.name.removeprefix("trial ")
    if finalist.mean is None:
        return [name, "failed"]
    return [
        name,
        _estimate(finalist.mean, finalist.interval),
        _estimate(finalist.difference, finalist.difference_interval, "+.4f"),
        "" if finalist.search_value is None else f"{finalist.search_value:.4f}",
        "" if finalist.optimism is None else f"{finalist.optimism:+.4f}",
        "" if finalist.n_params is None else f"{finalist.n_params:,}",
    ]


def failures(found: Confirmation) -> list[str]:
    """Which finalists failed, and why."""
    return [f"{finalist.name}: {finalist.error}" for finalist in found.finalists if finalist.mean is None]


def note(found: Confirmation) -> str:
    """The confirmation in Markdown, for its MLflow run."""
    rows = [
        [cell.strip().replace("* ", "**winner** ") for cell in cells(finalist, index == found.winner)]
        for index, finalist in enumerate(found.finalists)
    ]
    board = "\n".join(table([column.strip() for column in COLUMNS], rows))
    told = (f"**{sentence(found.conclusion)}**", board, *failures(found))
    return "\n\n".join((*told, sentence(said_of_test(found))))


def _estimate(mean: float | None, interval: list[float] | None, form: str = ".4f") -> str:
    if mean is None or interval is None:
        return ""
    return f"{mean:{form}} ±{(interval[1] - interval[0]) / 2:.4f}"


def between(interval: list[float] | None) -> str:
    """`0.9603 to 0.9905`."""
    return "" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def said_of_test(found: Confirmation) -> str:
    """What the test rows say of the winner."""
    if found.test is None:
        return f"test rows: {found.test_note}"
    looks = found.test["looks"]
    counted = "looked at once" if looks == 1 else f"looked at {looks} times"
    return f"{found.best.name} on {found.test['rows']} test rows, {counted}: {said_of_figures(found.test)}"


def said_of_figures(figures: Mapping[str, Any]) -> str:
    """The figures of a model on some rows, as `sweeps.confirm.figures` gives them, in a line."""
    if "accuracy" in figures:
        return f"accuracy {figures['accuracy']:.4f} (95 %: {between(figures['interval'])})"
    if figures.get("r2") is not None:
        median = number(figures["absolute_error"]["0.5"])
        return f"R2 {figures['r2']:.4f}, rmse {number(figures['rmse'])}, half of the errors below {median}"
    named = {name: value for name, value in figures["metrics"].items() if value is not None}
    return ", ".join(f"{name} {number(value)}" for name, value in named.items())
