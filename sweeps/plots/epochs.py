"""What happened over the epochs: the objective of all trials, and the curves of the best ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import plotly.graph_objects as go
from optuna.trial import FrozenTrial, TrialState
from plotly.colors import qualitative
from plotly.subplots import make_subplots

from sweeps.errors import InputError
from sweeps.plots.source import GREEN, STATE_COLOURS, Plottable, complete, focus, view_of
from sweeps.study.attributes import RUN_ID
from sweeps.study.record import in_reach, store_of
from sweeps.study.view import StudyView
from tracking import EpochValue, epoch_curves

#: trials that can be told apart
_MOST = 300


def intermediate(study: Plottable) -> Any:
    """The objective at the end of each epoch; a cross is where a trial was pruned. Of more than 300 trials every n-th
    is drawn."""
    view = view_of(study)
    trials = [trial for trial in view.get_trials() if trial.intermediate_values]
    if not trials:
        raise InputError(f"study {view.study_name!r} has no trial with an epoch to draw")
    best = next(iter(view.ranked()), None)
    drawn = trials[:: -(-len(trials) // _MOST)]
    figure = go.Figure(layout={"title": "Intermediate Values", "xaxis_title": "epoch"})
    figure.update_layout(yaxis_title=view.objective.metric, hovermode="closest")
    for state in (TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED):
        if of_state := [trial for trial in drawn if trial.state == state]:
            figure.add_trace(_lines(of_state, state))
    if pruned := [trial for trial in drawn if trial.state == TrialState.PRUNED]:
        figure.add_trace(_ends(pruned))
    if best is not None and best.intermediate_values:
        figure.add_trace(_line(best, f"trial {best.number}, the best"))
    focus(figure, [value for trial in drawn for value in trial.intermediate_values.values()])
    return figure


def curves(study: Plottable, n: int = 5) -> Any:
    """The learning curves of the best trials, as MLflow has them: training rows solid, validation rows dashed.

    Args:
        n: number of trials.

    Raises:
        BackendUnreachable: the MLflow store does not answer.
    """
    view = view_of(study)
    recorded = {trial.number: _curves(view, trial) for trial in complete(view)[:n] if RUN_ID in trial.user_attrs}
    names = [
        name
        for name in dict.fromkeys((_pair(view.objective.metric), "loss"))
        if any(which in curve for curve in recorded.values() for which in (name, f"val_{name}"))
    ]
    if not names:
        raise InputError(f"the MLflow runs of study {view.study_name!r} have no epochs to draw")
    figure = make_subplots(rows=len(names), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for place, (number, curve) in enumerate(recorded.items()):
        colour = qualitative.D3[place % len(qualitative.D3)]
        for row, name in enumerate(names, 1):
            for which, dash in ((name, "solid"), (f"val_{name}", "dash")):
                if which in curve:
                    figure.add_trace(_curve(curve[which], number, colour, dash), row=row, col=1)
    for row, name in enumerate(names, 1):
        both = (curve.get(which, ()) for curve in recorded.values() for which in (name, f"val_{name}"))
        focus(figure, [entry.value for entries in both for entry in entries], f"yaxis{row}" if row > 1 else "yaxis")
        figure.update_yaxes(title=name, row=row, col=1)
    names_shown: set[str] = set()
    for trace in figure.data:  # each trial once in the legend
        trace.showlegend = trace.name not in names_shown
        names_shown.add(trace.name)
    figure.update_xaxes(title="epoch", row=len(names), col=1)
    figure.update_layout(title="Learning Curves (validation dashed)")
    return figure


def _pair(metric: str) -> str:
    return metric.removeprefix("val_")


def _curves(view: StudyView, trial: FrozenTrial) -> dict[str, list[EpochValue]]:
    with in_reach():
        return epoch_curves(store_of(view.study_name), trial.user_attrs[RUN_ID])


def _curve(entries: Sequence[EpochValue], number: int, colour: str, dash: str) -> Any:
    return go.Scatter(
        x=[entry.epoch for entry in entries],
        y=[entry.value for entry in entries],
        mode="lines" if len(entries) > 1 else "markers",
        line={"color": colour, "dash": dash},
        name=f"trial {number}",
        legendgroup=str(number),
    )


def _lines(trials: Iterable[FrozenTrial], state: TrialState) -> Any:
    """All trials of a state as one trace, which a browser draws much faster than one for each."""
    x: list[int | None] = []
    y: list[float | None] = []
    numbers: list[int | None] = []
    for trial in trials:
        steps = sorted(trial.intermediate_values)
        x += [*steps, None]
        y += [*(trial.intermediate_values[step] for step in steps), None]
        numbers += [trial.number] * len(steps) + [None]
    return go.Scatter(
        x=x,
        y=y,
        customdata=numbers,
        mode="lines",
        line={"color": STATE_COLOURS[state.name], "width": 1},
        opacity=0.45,
        name=state.name,
        hovertemplate="trial %{customdata}, epoch %{x}: %{y:.4f}<extra></extra>",
    )


def _ends(pruned: Sequence[FrozenTrial]) -> Any:
    last = [(trial.last_step or 0, trial.number) for trial in pruned]
    return go.Scatter(
        x=[step for step, _ in last],
        y=[trial.intermediate_values[step] for trial, (step, _) in zip(pruned, last, strict=True)],
        customdata=[number for _, number in last],
        mode="markers",
        marker={"color": STATE_COLOURS["PRUNED"], "symbol": "x", "size": 6},
        name="pruned here",
        hovertemplate="trial %{customdata} pruned after epoch %{x}: %{y:.4f}<extra></extra>",
    )


def _line(trial: FrozenTrial, name: str) -> Any:
    steps = sorted(trial.intermediate_values)
    return go.Scatter(
        x=steps,
        y=[trial.intermediate_values[step] for step in steps],
        mode="lines+markers",
        line={"color": GREEN, "width": 3},
        name=name,
    )
