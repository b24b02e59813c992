"""The rounds of a trial: how often, on which rows and from which seeds its model is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna

from sweeps.data import Dataset, folds, has_few_rows
from sweeps.study.attributes import IDENTITY


@dataclass(frozen=True)
class Rounds:
    """A trial trains its model once in each round, one after another; its value is the mean over the rounds.

    Attributes:
        folds: with more than one, the model of each round is validated on another fold of the rows.
        repeats: how often it is trained on the same rows, each time from another seed.
    """

    folds: int = 1
    repeats: int = 1

    def __len__(self) -> int:
        return self.folds * self.repeats

    def __str__(self) -> str:
        parts = [f"{n} {what}" for n, what in ((self.repeats, "repeats"), (self.folds, "folds")) if n > 1]
        return " of ".join(parts)

    def name(self, index: int) -> str:
        """Of a round, from 0: `fold_2`, `repeat_1`, `repeat_1/fold_2`; "" where there is only one."""
        parts = (("repeat", self.repeats, index // self.folds), ("fold", self.folds, index % self.folds))
        return "/".join(f"{what}_{number}" for what, n, number in parts if n > 1)

    def seed(self, seed: int, index: int) -> int:
        """Of a round, from the trial's seed, which is that of the first round."""
        return int(np.random.SeedSequence([seed, index]).generate_state(1)[0] >> 1) if index else seed

    def data(self, data: Dataset, index: int, seed: int) -> Dataset:
        """The rows of a round.

        Args:
            seed: of the study: all trials have the same folds.

        Raises:
            InputError: see `sweeps.data.folds`.
        """
        return data if self.folds == 1 else folds(data, self.folds, seed)[index % self.folds]


ONE = Rounds()
#: validation rows of which one says little
_MANY_ROWS = 2000
#: folds that are proposed
_FOLDS = 5


def validation_of(rounds: Rounds, data: Dataset, metric: str) -> str:
    """What trials are compared on, in a line, where they have several rounds or few rows; otherwise "".

    Args:
        data: with the target as the model takes it.
        metric: the objective.
    """
    n, cost = len(data.validation), f"at {len(rounds)} times the cost"
    if rounds.folds > 1:
        return f"{rounds} of {n + len(data.train)} training and validation rows; a trial's value is the mean, {cost}"
    one = f"{n} rows" + (f", one row is {100 / n:.2g} points" if "accuracy" in metric else "")
    if rounds.repeats > 1:
        return f"{one}; {rounds} from other seeds; a trial's value is the mean, {cost}"
    if n >= _MANY_ROWS or has_few_rows(data, _FOLDS):
        return ""
    return f"{one}; --folds {_FOLDS} lowers the noise at {_FOLDS} times the cost"


def round_begun(step: int | None, epochs: int) -> int:
    """The steps of a trial before the round that a step, its last one, is of.

    Args:
        epochs: the steps of each round.
    """
    return ((step or 1) - 1) // epochs * epochs


def rounds_of(study: optuna.Study) -> Rounds:
    """Those of each of its trials."""
    options = study.user_attrs.get(IDENTITY, {}).get("options", {})
    return Rounds(options.get("folds", 1), options.get("repeats", 1))
