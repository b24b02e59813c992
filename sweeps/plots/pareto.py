"""The trials of a study between its objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import InputError
from sweeps.plots.source import BAD_TO_GOOD, BLUE, GREY, ORANGE, Plottable, complete, view_of
from sweeps.study.leaderboard import cell
from sweeps.study.pareto import front, values
from sweeps.study.study import is_feasible
from sweeps.study.view import StudyView

#: an axis whose values are further apart than that is logarithmic
_WIDE = 20


def pareto(study: Plottable) -> Any:
    """Each COMPLETE trial over the first two objectives: those of the Pareto front and those that break a constraint
    apart from the others. A third objective is the colour.

    Raises:
        InputError: the study has one objective, or no COMPLETE trial.
    """
    view = view_of(study)
    if not view.objective.others:
        raise InputError(f"pareto: several objectives are needed, study {view.study_name!r} has one")
    shown = complete(view)
    best = front(view)
    numbers = {trial.number for trial in best}
    ended = view.get_trials(states=(TrialState.COMPLETE,))
    groups = {
        "beyond the constraints": ([trial for trial in ended if not is_feasible(trial)], GREY, "x", 7),
        "other trials": ([trial for trial in shown if trial.number not in numbers], BLUE, "circle", 8),
        "Pareto front": (best, ORANGE, "diamond", 11),
    }
    figure = go.Figure()
    for name, (trials, colour, symbol, size) in groups.items():
        if trials:
            figure.add_trace(_points(view, name, trials, {"color": colour, "symbol": symbol, "size": size}))
    first, second, *third = [view.objective.metric, *view.objective.others]
    if third:
        scale = {"colorscale": BAD_TO_GOOD, "reversescale": view.objective.others[third[0]] == "minimize"}
        figure.update_layout(coloraxis={**scale, "colorbar": {"title": third[0]}}, legend_orientation="h")
    spread = [one for trial in shown if (one := values(view, trial)[second]) is not None]
    is_wide = spread and min(spread) > 0 and max(spread) / min(spread) > _WIDE
    figure.update_xaxes(title=second, type="log" if is_wide else "linear").update_yaxes(title=first)
    return figure.update_layout(hovermode="closest")


def _points(view: StudyView, name: str, trials: Sequence[FrozenTrial], marker: dict[str, Any]) -> Any:
    """A trace of these trials; the front of two objectives is joined by steps."""
    found = [list(values(view, trial).values()) for trial in trials]
    is_front, is_flat = marker["symbol"] == "diamond", len(view.objective.others) == 1
    if not is_flat and marker["symbol"] != "x":
        marker = {**marker, "color": [one[2] for one in found], "coloraxis": "coloraxis"}
    names = [view.objective.metric, *view.objective.others]
    text = [
        "<br>".join((f"trial {trial.number}", *(f"{name}: {cell(one)}" for name, one in zip(names, each, strict=True))))
        for trial, each in zip(trials, found, strict=True)
    ]
    return go.Scatter(
        x=[one[1] for one in found],
        y=[one[0] for one in found],
        mode="lines+markers" if is_front and is_flat else "markers",
        line={"shape": "linear", "width": 1, "dash": "dot", "color": ORANGE},
        marker=marker,
        name=name,
        text=text,
        hovertemplate="%{text}<extra></extra>",
    )
