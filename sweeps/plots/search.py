"""What was searched: figures of `optuna.visualization`, over what can be seen of many trials."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from optuna import visualization
from plotly.colors import sample_colorscale

from sweeps.errors import InputError
from sweeps.plots.source import BAD_TO_GOOD, EARLY_TO_LATE, GREY, Plottable, complete, focus, view_of
from sweeps.study.importance import by_importance, evaluator
from sweeps.study.importance import importance as importance_of
from sweeps.study.view import StudyView

#: hyperparameters in the figures of several
_PARALLEL, _SLICES = 7, 12
#: trials that are drawn: each is a line in one figure, a row and a column of the grid in the other
_LINES, _GRID = 100, 120


def history(study: Plottable) -> Any:
    """The value of each COMPLETE trial, and the best one so far."""
    view = view_of(study)
    values = [trial.value or 0.0 for trial in complete(view)]
    figure = visualization.plot_optimization_history(view, target_name=view.label)
    focus(figure, values)
    return figure


def importance(study: Plottable) -> Any:
    """How much each hyperparameter decides, by PED-ANOVA; see `sweeps importance` for what it is worth."""
    view = view_of(study)
    found = importance_of(view)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a value is rare
        return visualization.plot_param_importances(
            view.of(view.ranked()), evaluator=evaluator(found.trials), params=list(found.importance)
        )


def slices(study: Plottable, params: Sequence[str] | None = None) -> Any:
    """The value over each hyperparameter alone; by default over the 12 most important ones that vary."""
    view = view_of(study)
    values = [trial.value or 0.0 for trial in complete(view)]
    figure = visualization.plot_slice(view, _chosen(view, params, 1, _SLICES), target_name=view.label)
    figure.update_traces(marker_colorscale=EARLY_TO_LATE)
    focus(figure, values)
    return figure


def contour(study: Plottable, params: Sequence[str] | None = None) -> Any:
    """The value over two hyperparameters; by default the two most important ones. Of more than 120 trials
    every n-th by rank is drawn."""
    view = view_of(study)
    two = _chosen(view, params, 2, 2)
    trials = [trial for trial in complete(view) if all(name in trial.params for name in two)]
    if len({tuple(trial.params[name] for name in two) for trial in trials}) < 3:
        raise InputError(f"contour: at least 3 COMPLETE trials with different {' and '.join(two)} are needed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that trials lie on one line
        return visualization.plot_contour(view.of(trials[:: -(-len(trials) // _GRID)]), two, target_name=view.label)


def parallel(study: Plottable, params: Sequence[str] | None = None) -> Any:
    """Each trial as a line through its value and its hyperparameters; by default the 7 most important ones. The best
    100 trials are drawn."""
    view = view_of(study)
    chosen = _chosen(view, params, 1, _PARALLEL)
    figure = visualization.plot_parallel_coordinate(view.of(complete(view)[:_LINES]), chosen, target_name=view.label)
    # under constraints a legend tells trials apart, all of which keep them here
    figure.data = [trace for trace in figure.data if tuple(trace.y or ()) != (None,)]
    figure.update_layout(showlegend=False)
    for trace in figure.data:
        if trace.mode == "lines":  # its first point is the value, from 0 to 1
            good = trace.y[0] if view.objective.direction == "maximize" else 1 - trace.y[0]
            trace.line.color = sample_colorscale(BAD_TO_GOOD, good)[0]
        else:
            trace.marker.colorscale = BAD_TO_GOOD
    figure.update_annotations(font_color=GREY)
    figure.update_layout(plot_bgcolor=None)  # white in the dark
    return figure


def _chosen(view: StudyView, params: Sequence[str] | None, least: int, most: int) -> list[str]:
    """The hyperparameters to draw.

    Raises:
        InputError: too few of them vary, or one is in no COMPLETE trial.
    """
    known = {name for trial in complete(view) for name in trial.params}
    if params is None:
        params = by_importance(view)[:most]
        if len(params) < least:
            raise InputError(
                f"{least} hyperparameters that vary are needed, study {view.study_name!r} has {len(params)}"
            )
    elif unknown := set(params) - known:
        raise InputError(f"hyperparameter: one of {', '.join(sorted(known))} is wanted, got {min(unknown)!r}")
    elif len(params) < least:
        raise InputError(f"{least} hyperparameters are needed, got {len(params)}")
    return list(params)[:most]
