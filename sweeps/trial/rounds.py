"""One round of a trial beside those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: the metrics of a round, an epoch each
Epochs = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Round:
    """What a round is compared and averaged with.

    Attributes:
        name: see `sweeps.study.rounds.Rounds.name`.
        former: the rounds before it.
        begun: the steps of the study's trial before its first epoch.
        remaining: how many rounds follow.
    """

    name: str = ""
    former: Sequence[Epochs] = ()
    begun: int = 0
    remaining: int = 0

    @property
    def most_epochs(self) -> float:
        """How many epochs all former rounds had: a later one has no mean, so it is not trained."""
        return min(map(len, self.former), default=math.inf)

    def named(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """The metrics as the trial's run has them."""
        return {f"{self.name}/{name}" if self.name else name: value for name, value in metrics.items()}

    def means(self, metrics: Mapping[str, float], epoch: int) -> dict[str, float]:
        """The mean over this round and the former ones of each metric that all of them have at an epoch (from 1).

        Args:
            metrics: of this round.
        """
        if epoch > self.most_epochs:
            return {}
        rounds = [*(former[epoch - 1] for former in self.former), metrics]
        shared = [name for name in metrics if all(name in one for one in rounds)]
        return {name: mean([one[name] for one in rounds]) for name in shared}

    def means_of(self, epochs: Epochs) -> list[dict[str, float]]:
        """The means of each of this round's epochs."""
        return [self.means(metrics, epoch) for epoch, metrics in enumerate(epochs, 1)]


def mean(values: Sequence[float]) -> float:
    """Of one value that value itself; NaN of infinities of both signs, without a warning."""
    return sum(values) / len(values)
