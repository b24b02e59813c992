"""What a search has tried, one trial after another, and what it had found when so much was spent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.search.task import Curves


@dataclass(frozen=True)
class Tried:
    """A trial.

    Attributes:
        epochs, seconds: what it cost.
        accuracy: the best over its epochs, of validation; without noise.
        loss, test: those of that epoch.
        complete: whether it may win: a pruned one may not.
    """

    epochs: int
    seconds: float
    accuracy: float
    loss: float
    test: float
    complete: bool

    def cost(self, kind: str) -> float:
        """What it cost in `epochs`, `seconds` or `trials`."""
        return {"epochs": self.epochs, "seconds": self.seconds, "trials": 1}[kind]


def tried(curve: Curves, until: int, complete: bool, after: int = 0) -> Tried:
    """The trial of one configuration.

    Args:
        curve: its training, arrays of shape (1, epochs).
        until: the epoch (from 1) with which it ended.
        after: the epoch up to which an earlier trial has trained it.
    """
    best = int(curve.accuracy[0, :until].argmax())
    before = float(curve.seconds[0, after - 1]) if after else 0.0
    return Tried(
        epochs=until - after,
        seconds=float(curve.seconds[0, until - 1]) - before,
        accuracy=float(curve.accuracy[0, best]),
        loss=float(curve.loss[0, best]),
        test=float(curve.test[0, best]),
        complete=complete,
    )


def incumbent(trials: Iterable[Tried], kind: str, budget: float) -> Tried | None:
    """The winner among the trials that had ended before more than `budget` was spent, as the product chooses it: the
    highest validation accuracy, of equal ones the lowest loss. None where none had."""
    spent, winner = 0.0, None
    for trial in trials:
        spent += trial.cost(kind)
        if spent > budget * (1 + 1e-9):
            break
        if trial.complete and (winner is None or _rank(trial) > _rank(winner)):
            winner = trial
    return winner


def _rank(trial: Tried) -> tuple[float, float]:
    return trial.accuracy, -trial.loss
