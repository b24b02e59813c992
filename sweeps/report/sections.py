"""The sections of a report that have figures, each with a sentence on how to read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import plotly.graph_objects as go
from optuna.trial import TrialState

from sweeps import plots
from sweeps.errors import SweepError
from sweeps.plots.source import OUTLIERS, complete
from sweeps.study.confirmed import said_of_figures
from sweeps.study.importance import by_importance, importance
from sweeps.study.pareto import sentence as pareto_sentence
from sweeps.study.results import status
from sweeps.study.study import is_feasible
from sweeps.study.view import StudyView

#: slices, and the height of a figure in pixels
_SLICES, _HEIGHT = 12, 400
#: classes whose counts have room in the cells of a matrix
_WRITTEN = 20

_OUTLIERS = "Outliers are beyond the axis; a double click shows them."


@dataclass(frozen=True)
class Picture:
    """A small image with what is said below it; `source` is a `data:` URI."""

    source: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
        figures: by their ids in the page.
        pictures: below the figures.
        missing: why there is none.
        shape: "" one below the other, "grid" and "pair" beside each other, "broad" scrolled to the side on a narrow
            screen.
    """

    name: str
    title: str
    text: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""
    shape: str = ""
    pictures: Sequence[Picture] = ()


def sections(view: StudyView) -> list[Section]:
    """All of them, in the page's order. What cannot be drawn says why."""
    return [
        _section(
            *("history", "History", lambda: [_sized(plots.history(view))]),
            text=f"Each point is a COMPLETE trial; the line is the best value so far.{_grey(view)}",
        ),
        *([_pareto(view)] if view.objective.others else []),
        _section("importance", "Which hyperparameters decide", lambda: [_importance(view)], lambda: _worth(view)),
        _section(
            *("slices", "Each hyperparameter alone", lambda: _slices(view)),
            text="The value of each COMPLETE trial over one hyperparameter, the most important first. Orange "
            f"points are early trials, blue ones late.{_grey(view)}",
            shape="grid",
        ),
        _section(
            *("contour", "The two most important together", lambda: [_sized(plots.contour(view), 460)]),
            text="Interpolated between the trials, which are the points: where there are none, it is a guess.",
        ),
        _section(
            *("parallel", "All together", lambda: [_sized(plots.parallel(view), 440, l=40, r=40, t=40)]),
            text="A line is a trial, the best ones orange. Where these run together, they have something in common.",
            shape="broad",
        ),
        _section(
            "intermediate", "Epoch by epoch", lambda: [_sized(plots.intermediate(view), 440)], lambda: _pruned(view)
        ),
        _section(
            *("curves", "Learning curves of the best trials", lambda: [_sized(plots.curves(view), 640)]),
            text="Training rows solid, validation rows dashed. A gap that grows is overfitting; curves that still rise "
            "want more epochs.",
        ),
        _section(
            *("timeline", "Where the time went", lambda: [_timeline(view), _seconds(view)]),
            text="Each bar is a trial in the slot that was free. Below, the seconds of all slots together.",
        ),
    ]


def _grey(view: StudyView) -> str:
    is_any = any(not is_feasible(trial) for trial in view.get_trials(states=(TrialState.COMPLETE,)))
    return " Grey ones break a constraint." if is_any else ""


def _pareto(view: StudyView) -> Section:
    return _section(
        *("pareto", "Between the objectives", lambda: [_sized(plots.pareto(view), 460)]),
        text=f"{pareto_sentence(view)}. No other trial is better than one of these in one objective without being "
        "worse in another.",
    )


def evaluated(name: str, title: str, figures: Mapping[str, Any], pictures: Sequence[Picture] = ()) -> Section:
    """What a model reaches on some rows: a confusion matrix, or the distribution of errors.

    Args:
        figures: as `sweeps.confirm.figures` gives them.
        pictures: rows that it takes for another class.
    """
    drawn = []
    if "confusion" in figures:
        drawn.append(_confusion([each["class"] for each in figures["classes"]], figures["confusion"]))
        drawn.append(_classes(figures["classes"]))
    elif "residuals" in figures:
        drawn.append(_residuals(figures["residuals"]))
    text = f"{figures['rows']:,} rows: {said_of_figures(figures)}."
    by_id = {f"{name}-{index}": figure for index, figure in enumerate(drawn)}
    return Section(name, title, text, by_id, shape="pair", pictures=pictures)


def _confusion(labels: list[str], counts: list[list[int]]) -> Any:
    """The share of each true class; the counts are in the cells, as long as there is room for them."""
    shares = [[count / max(1, sum(row)) for count in row] for row in counts]
    written = len(labels) <= _WRITTEN
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=labels,
            y=labels,
            text=counts,
            texttemplate="%{text}" if written else None,
            colorscale="Blues",
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="true %{y}, predicted %{x}: %{text} rows<extra></extra>",
        )
    )
    figure.update_xaxes(title="predicted", type="category").update_yaxes(
        title="true", type="category", autorange="reversed", automargin=True
    )
    return _sized(figure, 420)


def _classes(classes: list[Mapping[str, Any]]) -> Any:
    figure = go.Figure()
    for name in ("precision", "recall"):
        figure.add_trace(go.Bar(x=[each["class"] for each in classes], y=[each[name] for each in classes], name=name))
    figure.update_xaxes(title="class", type="category").update_yaxes(range=[0, 1])
    return _sized(figure, 420)


def _residuals(quantiles: Mapping[str, float | None]) -> Any:
    figure = go.Figure(
        go.Bar(x=[f"{float(share):.0%}" for share in quantiles], y=list(quantiles.values()), name="residual")
    )
    figure.update_xaxes(title="so many rows are below", type="category").update_yaxes(title="true minus predicted")
    return _sized(figure, 320)


def _section(
    name: str,
    title: str,
    draw: Callable[[], Iterable[Any]],
    say: Callable[[], str] = str,
    text: str = "",
    shape: str = "",
) -> Section:
    try:
        figures = {f"{name}-{index}": figure for index, figure in enumerate(draw())}
        said = text or say()
        if any(figure.layout.meta == OUTLIERS for figure in figures.values()):
            said += f" {_OUTLIERS}"
        return Section(name, title, said, figures, shape=shape)
    except SweepError as error:
        return Section(name, title, missing=str(error).splitlines()[0])


def _sized(figure: Any, height: int = _HEIGHT, **margin: int) -> Any:
    """The figure as it stands in the page, which has titles and colours of its own."""
    # the page says what the colours are
    figure.update_traces(selector={"type": "contour"}, colorbar={"title": None, "thickness": 12})
    return figure.update_layout(title=None, template=None, height=height, margin=margin)


def _importance(view: StudyView) -> Any:
    figure = plots.importance(view)
    rows = len(figure.data[0].y) if figure.data else 0
    figure.update_layout(xaxis_title="importance", yaxis_title=None)
    return _sized(figure, 110 + 26 * rows, r=48).update_yaxes(automargin=True)


def _worth(view: StudyView) -> str:
    return f"{importance(view).worth}."


def _slices(view: StudyView) -> list[Any]:
    complete(view)
    figures = [plots.slices(view, [name]) for name in by_importance(view)[:_SLICES]]
    for figure in figures:
        figure.update_traces(marker_showscale=False).update_yaxes(title=None)
    return [_sized(figure, 300) for figure in figures]


def _pruned(view: StudyView) -> str:
    ends = [trial.last_step or 0 for trial in view.get_trials(states=(TrialState.PRUNED,))]
    if not ends:
        return "No trial was pruned."
    return (
        f"{len(ends):,} trials were pruned, half of them by epoch {median(ends):g}, "
        f"which saved {status(view).epochs_saved:,} epochs. A cross is where a trial ended."
    )


def _timeline(view: StudyView) -> Any:
    figure = plots.timeline(view)
    slots = int(max(max(bars.y) for bars in figure.data))
    return _sized(figure, 150 + 34 * min(slots, 16))


def _seconds(view: StudyView) -> Any:
    figure = plots.seconds(view)
    return _sized(figure, 90 + 30 * len(figure.data[0].y), r=110).update_yaxes(automargin=True)
