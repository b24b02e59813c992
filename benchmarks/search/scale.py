"""Regret: how far a value is from the best that many random configurations reach, on a scale that all tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from benchmarks.search.task import Floats, Params, Task

Value = TypeVar("Value", float, Floats)


@dataclass(frozen=True)
class Scale:
    """Of one figure on one task: 0 is the best of the random configurations, 1 their median."""

    best: float
    median: float

    def regret(self, value: Value) -> Value:
        """Of a value or of an array of them; below 0 where a search has found better than all of them."""
        return (self.best - value) / (self.best - self.median)


@dataclass(frozen=True)
class Yardstick:
    """What random configurations reach on one task.

    Attributes:
        accuracy, test: the scales of validation and of test.
        seconds: of a full training, the median.
        floor: the regret by test of the configuration with the best validation accuracy.
    """

    accuracy: Scale
    test: Scale
    seconds: float
    floor: float


def yardstick(task: Task, configurations: Sequence[Params]) -> Yardstick:
    """Train all configurations to the end; the test figure is that of the best epoch."""
    curves = task.curves(configurations)
    accuracy, test = curves.best_epochs()
    scale = _scale(test)
    return Yardstick(
        accuracy=_scale(accuracy),
        test=scale,
        seconds=float(np.median(curves.seconds[:, -1])),
        floor=scale.regret(float(test[accuracy.argmax()])),
    )


def _scale(values: Floats) -> Scale:
    return Scale(float(values.max()), float(np.median(values)))
