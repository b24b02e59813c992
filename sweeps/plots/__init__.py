"""The figures of a study, for notebooks; `sweeps report` shows the same ones.

    import sweeps
    sweeps.plots.history("digits-mlp").show()

Each function takes the name of a study, a `sweeps.Result` or an `optuna.Study`, and returns a `plotly` Figure. It
raises an `InputError` that says why where there is nothing to draw. Trials that train another one on are left out.
"""

from sweeps.plots.epochs import curves, intermediate
from sweeps.plots.pareto import pareto
from sweeps.plots.search import contour, history, importance, parallel, slices
from sweeps.plots.timeline import seconds, timeline

__all__ = [
    "contour",
    "curves",
    "history",
    "importance",
    "intermediate",
    "parallel",
    "pareto",
    "seconds",
    "slices",
    "timeline",
]
