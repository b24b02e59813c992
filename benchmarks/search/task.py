"""What a search is judged on: tasks whose trainings are looked up instead of run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

#: a configuration: hyperparameter -> value
Params = dict[str, Any]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curves:
    """Trainings of n configurations, each array float64 (n, epochs).

    Attributes:
        accuracy: validation accuracy.
        loss: validation loss.
        test: the figure of the test rows; the higher the better.
        seconds: from the start of the training to the epoch's end.
    """

    accuracy: Floats
    loss: Floats
    test: Floats
    seconds: Floats

    def best_epochs(self) -> tuple[Floats, Floats]:
        """Validation accuracy and test figure of each at its epoch with the highest accuracy, whose weights are kept:
        (n,), (n,)."""
        rows, best = np.arange(len(self.accuracy)), self.accuracy.argmax(axis=1)
        return self.accuracy[rows, best], self.test[rows, best]


class Task(Protocol):
    """One data set with a search space.

    Attributes:
        name: of the data set.
        space: hyperparameter -> its values.
        defaults: the configuration that a search begins with which knows nothing better.
        epochs: of a full training.
    """

    name: str
    space: Mapping[str, BaseDistribution]
    defaults: Params
    epochs: int

    def curves(self, configurations: Sequence[Params]) -> Curves:
        """The trainings of these configurations."""


def draw(space: Mapping[str, BaseDistribution], count: int, seed: int) -> list[Params]:
    """So many configurations at random, as random search draws them."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [study.ask(dict(space)).params for _ in range(count)]
