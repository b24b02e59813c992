"""What a figure is drawn from, and what all figures have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import optuna
from optuna.trial import FrozenTrial

from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.view import StudyView

#: colours that can be told apart on white and on black
BLUE, ORANGE, RED, GREEN, GREY = "#3b82f6", "#f59e0b", "#ef4444", "#10b981", "#94a3b8"
#: scales for lines and points, of which no end is lost on white or black: in time, and from bad to good
EARLY_TO_LATE, BAD_TO_GOOD = [[0, ORANGE], [1, BLUE]], [[0, GREY], [0.6, BLUE], [1, ORANGE]]
STATE_COLOURS = {"COMPLETE": BLUE, "PRUNED": ORANGE, "FAIL": RED, "RUNNING": GREEN, "WAITING": GREY}


#: the mark of a figure that leaves some out
OUTLIERS = "outliers"


class HasStudy(Protocol):
    """A `sweeps.Result`."""

    @property
    def study(self) -> optuna.Study:
        """The study."""


Plottable = str | optuna.Study | HasStudy


def view_of(study: Plottable) -> StudyView:
    """The study, as it is now.

    Raises:
        InputError: there is no such study.
        CorruptStore: its journal cannot be read.
    """
    if isinstance(study, StudyView):
        return study
    if isinstance(study, str):
        return StudyView(results.open_study(study))
    return StudyView(study if isinstance(study, optuna.Study) else study.study)


def complete(view: StudyView) -> list[FrozenTrial]:
    """Its COMPLETE trials, best first.

    Raises:
        InputError: there is none.
    """
    if ranked := view.ranked():
        return ranked
    raise InputError(f"study {view.study_name!r} has no COMPLETE trial to draw")


def focus(figure: Any, values: Sequence[float], axis: str = "yaxis") -> None:
    """End an axis where the outliers begin, so that one diverged trial does not make a line of all others."""
    finite = np.asarray([value for value in values if np.isfinite(value)])
    if len(finite) < 5:
        return
    low, middle, high = np.quantile(finite, (0.25, 0.5, 0.75))
    reach = 4 * max(high - low, 1e-9 + 0.01 * abs(middle))
    shown = finite[(finite >= low - reach) & (finite <= high + reach)]
    if len(shown) < len(finite):
        room = 0.05 * (shown.max() - shown.min() or 1.0)
        figure.update_layout({axis: {"range": [float(shown.min() - room), float(shown.max() + room)]}}, meta=OUTLIERS)
