"""The finished trials of a study in the order of their values, kept as it grows."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial

from sweeps.study.attributes import CONTINUES
from sweeps.study.history import history_of
from sweeps.study.study import FINISHED, Objective


class Ranking:
    """The ranks of finished trials, and when they ended.

    Attributes:
        ranked: see `Objective.ranked`.
    """

    def __init__(self, objective: Objective) -> None:
        self.ranked: list[FrozenTrial] = []
        self._ranks: list[tuple[float, ...]] = []
        self._objective = objective
        self._ends: list[float] = []
        self._first_ends: dict[float, float] = {}

    def add(self, trial: FrozenTrial) -> None:
        if trial.state in FINISHED and CONTINUES not in trial.user_attrs:
            bisect.insort(self._ends, _end(trial))
        if self._objective.ranked([trial]):
            assert trial.value is not None
            rank = self._objective.rank(trial)
            place = bisect.bisect(self._ranks, rank)
            self._ranks.insert(place, rank)
            self.ranked.insert(place, trial)
            self._first_ends[trial.value] = min(_end(trial), self._first_ends.get(trial.value, _end(trial)))

    def since_best(self) -> int:
        """How many trials have ended well since the first one reached the best value."""
        value = self.ranked[0].value
        assert value is not None
        return len(self._ends) - bisect.bisect_right(self._ends, self._first_ends[value])


def ranking_of(study: optuna.Study, objective: Objective) -> Ranking:
    """The ranking of the study by that objective, up to date."""
    return history_of(study).index(Ranking, objective)


def ranked(study: optuna.Study, objective: Objective) -> Sequence[FrozenTrial]:
    """As `objective.ranked` of all trials, to be read only."""
    return ranking_of(study, objective).ranked


def _end(trial: FrozenTrial) -> float:
    assert trial.datetime_complete is not None
    return trial.datetime_complete.timestamp()
