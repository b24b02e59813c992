"""A study as a notebook shows it: a table, a small picture, a DataFrame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import optuna
from markupsafe import Markup, escape

from sweeps.study import baselines, results
from sweeps.study.leaderboard import cell, leaderboard, number, whole_table
from sweeps.study.view import StudyView

if TYPE_CHECKING:
    import pandas

#: trials in the table, and the size of the picture in pixels
_TOP, _WIDTH, _HEIGHT = 5, 360, 80


def dataframe(study: optuna.Study) -> pandas.DataFrame:
    """All trials by number: what is known of each, then its hyperparameters, then "run_id" and "error"."""
    import pandas

    columns, rows = whole_table(study, results.rows(study))
    return pandas.DataFrame(rows, columns=columns)


def as_html(study: optuna.Study) -> str:
    """The winner, the best trials and the history, for the end of a cell."""
    view = StudyView(study)
    now = results.status(view)
    states = now.in_words or "no trial yet"
    parts = [Markup("<h4>{}</h4><p>{} of {} trials</p>").format(view.study_name, states, now.total)]
    if ranked := view.ranked():
        best = results.best(view)
        params = ", ".join(f"{name}={cell(value)}" for name, value in best.params.items())
        parts.append(
            Markup("<p><b>{} {}</b>: {}</p>").format(view.label, number(best.value), f"trial {best.trial}, {params}")
        )
        parts.append(_table(view))
        values = [trial.value or 0.0 for trial in sorted(ranked, key=lambda trial: trial.number)]
        if len(values) > 2:
            parts.append(_history(values, view.objective.direction == "maximize"))
    parts += [Markup("<p>{}</p>").format(sentence) for sentence in baselines.sentences(view)]
    return Markup("<div>{}</div>").format(Markup("").join(parts))


def _table(view: StudyView) -> Markup:
    board = leaderboard(view, results.top(view, _TOP))
    head = Markup("").join(Markup("<th>{}</th>").format(name) for name in board.columns)
    rows = [
        Markup("").join(Markup("<td>{}</td>").format(text) for text in board.texts(row, board.columns))
        for row in board.rows
    ]
    body = Markup("").join(Markup("<tr>{}</tr>").format(row) for row in rows)
    same = Markup("<p>{}</p>").format(board.said_of_same) if board.said_of_same else Markup("")
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}").format(head, body, same)


def _history(values: Sequence[float], maximize: bool) -> Markup:
    """The values as points and the best so far as a line, in colours for light and dark."""
    best = list(accumulate(values, max if maximize else min))
    low, high = min(values), max(values)

    def place(index: int, value: float) -> tuple[float, float]:
        height = (high - value) / ((high - low) or math.inf)
        return 6 + (_WIDTH - 12) * index / (len(values) - 1), 6 + (_HEIGHT - 12) * height

    points = (place(index, value) for index, value in enumerate(values))
    dots = Markup("").join(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.5"/>').format(x, y) for x, y in points)
    line = " ".join("{:.1f},{:.1f}".format(*place(index, value)) for index, value in enumerate(best))
    return Markup(
        '<svg width="{}" height="{}" role="img" aria-label="{}"><g fill="#3b82f6">{}</g>'
        '<polyline fill="none" stroke="#f59e0b" stroke-width="2" points="{}"/></svg>'
    ).format(_WIDTH, _HEIGHT, escape("values by trial, and the best so far"), dots, line)
