"""The learning-rate range test, but for its training: what is asked for, and what the losses say.

The rate grows exponentially with every batch while the loss is watched (Leslie N. Smith, "Cyclical Learning Rates for
Training Neural Networks", arXiv:1506.01186, section 3.3, where it grows linearly). The loss is smoothed, and the test
ended, as Sylvain Gugger does it: an exponentially weighted mean, corrected for its empty beginning, until it is four
times its best (https://sgugger.github.io/how-do-you-find-a-good-learning-rate.html, fastai's `lr_find`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeps.errors import InputError
from sweeps.trial.plan import SweepRequest

#: the share of all steps that the smoothed loss remembers
_MEMORY = 0.05
#: how many times its best a loss is that has diverged
_DIVERGED = 4
#: the share of its whole fall after which a loss has begun to fall
_BEGUN = 0.1
FEWEST_STEPS = 40


@dataclass(frozen=True)
class RangeRequest:
    """What to test.

    Attributes:
        sweep: the space, the data, the narrowings and the seed; one enqueued trial holds the hyperparameters that are
            not to have their defaults.
        low, high: the first and the last learning rate.
        steps: how many batches, each with a rate of its own.

    Raises:
        InputError: a range or a number of steps that shows nothing.
    """

    sweep: SweepRequest
    low: float
    high: float
    steps: int

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise InputError(f"0 < low < high must hold, got --low {self.low:g} --high {self.high:g}")
        if self.steps < FEWEST_STEPS:
            raise InputError(f"--steps: {FEWEST_STEPS} or more are needed, got {self.steps}")

    @property
    def growth(self) -> float:
        """The factor from one batch's rate to the next one's."""
        return float((self.high / self.low) ** (1 / (self.steps - 1)))


@dataclass
class LossCurve:
    """The losses of a range test as they come.

    Attributes:
        rates, losses: by batch.
        smoothed: by batch the smoothed rate and loss. The rates are smoothed like the losses (their logarithms are),
            so that the curve does not lag behind.
        best: the lowest smoothed loss.
        diverged: the loss is beyond recovery, or no number.
    """

    steps: int
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    smoothed: list[tuple[float, float]] = field(default_factory=list)
    best: float = math.inf
    diverged: bool = False
    _sums: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, rate: float, loss: float) -> None:
        """The loss of the next batch, trained with `rate`."""
        if not math.isfinite(loss):
            self.diverged = True
            return
        self.rates.append(rate)
        self.losses.append(loss)
        kept = 1 - 1 / (_MEMORY * self.steps)
        weight, rates, losses = (kept * each for each in self._sums)
        self._sums = (weight + 1, rates + math.log(rate), losses + loss)
        weight, rates, losses = self._sums
        self.smoothed.append((math.exp(rates / weight), losses / weight))
        self.best = min(self.best, losses / weight)
        self.diverged = losses / weight - self.best > (_DIVERGED - 1) * abs(self.best)

    @property
    def ended(self) -> bool:
        """Whether there is no more to see."""
        return self.diverged or len(self.losses) >= self.steps


@dataclass(frozen=True)
class Suggestion:
    """The rates that a curve suggests.

    Attributes:
        low: the loss has begun to fall: Smith's lower bound.
        steepest: it falls fastest: Gugger's choice.
        high: half of the rate at which training diverges; where it did not, the rate of the lowest loss.
        diverges: half of the fall is lost for good, or the test was ended by the loss; None: not within the range.
    """

    low: float
    steepest: float
    high: float
    diverges: float | None


@dataclass(frozen=True)
class RangeTest:
    """What a range test has shown.

    Attributes:
        params: the hyperparameters of the model that was trained.
        set: a `--set` for a sweep of the space that keeps the learning rate to the suggestion; None where the space
            has no hyperparameter of that name, or no such rates.
    """

    curve: LossCurve
    suggestion: Suggestion
    params: Mapping[str, Any]
    set: str | None


def suggest(curve: LossCurve) -> Suggestion:
    """The rates that a curve suggests.

    Raises:
        InputError: the loss was no number from the first, or did not fall.
    """
    if not curve.smoothed:
        raise InputError("the loss is no finite number at the first batch: see to the model and its data first")
    rates, losses = zip(*curve.smoothed, strict=True)
    span = round(_MEMORY * curve.steps)  # so many make a mean that can be compared
    lowest = losses.index(curve.best)
    if lowest <= span or losses[span] <= curve.best:
        raise InputError(
            f"the loss did not fall between the rates {curve.rates[0]:.2g} and {curve.rates[-1]:.2g}: "
            + ("give a lower --low" if curve.diverged else "give a higher --high")
        )
    fall = losses[span] - curve.best
    begun = next(step for step in range(span, lowest + 1) if losses[step] <= losses[span] - _BEGUN * fall)
    steepest = min(range(lowest - span + 1), key=lambda step: losses[step + span] - losses[step]) + span // 2
    good = max(step for step in range(len(rates)) if losses[step] <= curve.best + fall / 2)
    after = rates[good + 1 :]
    diverges = after[0] if after else rates[-1] if curve.diverged else None
    high = diverges / 2 if diverges else rates[lowest]
    return Suggestion(min(rates[begun], high), rates[steepest], high, diverges)
