"""What a sweep says at its end of how the search went, in two lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import optuna

from sweeps.errors import InputError
from sweeps.study.importance import importance
from sweeps.study.leaderboard import number
from sweeps.study.view import StudyView

_LEVELS = "▁▂▃▄▅▆▇█"
#: characters of a sparkline, and hyperparameters that are named
_WIDTH, _NAMED = 40, 3


def sentences(study: optuna.Study) -> list[str]:
    """The best value so far over the trials as a sparkline, and the most important hyperparameters; each only where
    there are trials enough."""
    view = StudyView(study)
    values = [trial.value or 0.0 for trial in sorted(view.ranked(), key=lambda trial: trial.number)]
    said = []
    if len(values) > 2:
        best = list(accumulate(values, max if view.objective.direction == "maximize" else min))
        said.append(f"best so far: {number(best[0])} {sparkline(best)} {number(best[-1])}")
    try:
        found = importance(view)
    except InputError:
        return said
    listed = ", ".join(f"{name} {value:.2f}" for name, value in list(found.importance.items())[:_NAMED])
    return [*said, f"importance: {listed} ({found.verdict})"]


def sparkline(values: Sequence[float]) -> str:
    """The values as a line of blocks from the lowest to the highest; of many every n-th, and the last one."""
    step = -(-len(values) // _WIDTH)
    shown = values[::-1][::step][::-1]
    low, high = min(shown), max(shown)
    return "".join(_LEVELS[round((len(_LEVELS) - 1) * (value - low) / ((high - low) or 1.0))] for value in shown)
