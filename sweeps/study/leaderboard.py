"""Trials as a table: the columns that differ, and apart from them what is the same in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna

from sweeps.study import results
from sweeps.study.results import TrialRow
from sweeps.study.study import objective_of

#: the columns that are no hyperparameters, beside the objective's
TRIAL, STATE, EPOCH, SECONDS, ERROR, INFEASIBLE = "trial", "state", "epoch", "seconds", "error", "infeasible"
#: a column of the whole table alone
RUN = "run_id"


@dataclass(frozen=True)
class Leaderboard:
    """Trials as a table.

    Attributes:
        metric: the column with the objective's value.
        columns: their names: those of each trial, figures beside the objective's value, the hyperparameters that
            differ, broken constraints and errors if there are any.
        rows: values by column; a hyperparameter that a trial has not is missing.
        same: the hyperparameters that all trials have with one value.
    """

    metric: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    same: Mapping[str, Any]

    def texts(self, row: Mapping[str, Any], columns: Iterable[str]) -> list[str]:
        """The cells of a row as text."""
        return [self._text(name, row.get(name)) for name in columns]

    def _text(self, name: str, value: Any) -> str:
        if value is not None and name == SECONDS:
            return f"{value:.1f}"
        return number(value) if name == self.metric else cell(value)

    @property
    def said_of_same(self) -> str:
        """The hyperparameters that are the same in all trials, in a line; empty without any."""
        listed = ", ".join(f"{name}={cell(value)}" for name, value in self.same.items())
        return f"In all of them: {listed}" if listed else ""


def leaderboard(study: optuna.Study, rows: Sequence[TrialRow], metric: str | None = None) -> Leaderboard:
    """These trials of a study as a table, in the order given.

    Args:
        metric: the name of the objective's column; by default the objective's own.
    """
    objective, epochs = objective_of(study).metric, results.value_epochs(study)
    metric = metric or objective
    names = dict.fromkeys(name for row in rows for name in row.params)
    differ = [name for name in names if len({repr(row.params.get(name)) for row in rows}) > 1 or len(rows) == 1]
    figures = [name for name in dict.fromkeys(name for row in rows for name in row.figures or {}) if name != objective]
    # what is said of a trial comes before a hyperparameter of the same name
    table = [
        {**row.params, **{name: (row.figures or {}).get(name) for name in figures}}
        | {TRIAL: row.number, STATE: row.shown_state, metric: row.value, EPOCH: epochs.get(row.number)}
        | {SECONDS: row.seconds, ERROR: row.shown_error, INFEASIBLE: row.infeasible}
        for row in rows
    ]
    own = {TRIAL, STATE, metric, *figures, EPOCH, SECONDS, ERROR, INFEASIBLE}
    state = [STATE] if any(row.state != "COMPLETE" for row in rows) else []
    infeasible = [INFEASIBLE] if any(row.infeasible for row in rows) else []
    error = [ERROR] if any(row.shown_error for row in rows) else []
    params = [name for name in differ if name not in own]
    same = {name: rows[0].params[name] for name in names if name not in differ}
    columns = (TRIAL, *state, metric, *figures, EPOCH, SECONDS, *infeasible, *params, *error)
    return Leaderboard(metric, columns, table, same)


def whole_table(study: optuna.Study, rows: Sequence[TrialRow]) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows with all that is known of these trials: what is known of each, its hyperparameters, "run_id" and
    "error"."""
    board = leaderboard(study, rows)
    params = dict.fromkeys(name for row in rows for name in row.params)
    figures = dict.fromkeys(name for row in rows for name in row.figures or {} if name != board.metric)
    own = [TRIAL, STATE, board.metric, *figures, EPOCH, SECONDS]
    own += [INFEASIBLE] if INFEASIBLE in board.columns else []
    table = [dict(cells) | {RUN: row.run_id} for cells, row in zip(board.rows, rows, strict=True)]
    return [*own, *(name for name in params if name not in (*own, RUN, ERROR)), RUN, ERROR], table


def cell(value: Any) -> str:
    """A value of a table: floats with four digits, nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def number(value: float | None) -> str:
    """A value of the objective: four decimals, or one and marks between the thousands where it is large."""
    if value is None:
        return ""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"


def duration(seconds: float) -> str:
    """`0.25 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 1:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
