"""Optuna's TPE at the cost of a small study: what it draws is the same to the last bit up to `LIMIT` finished trials.

Beyond that it sees the best of them and the latest. What it is to know of all trials (the joint search space, the
values in Optuna's internal representation) is kept from ask to ask rather than read anew from each of them.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Container
from typing import Any, cast

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.sampler import _get_infeasible_trial_score, _get_pruned_trial_score
from optuna.search_space.group_decomposed import _SearchSpaceGroup
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.densities import log_density
from sweeps.study.history import history_of

#: how many finished trials the sampler sees at most, and how many of them are the best
LIMIT, BEST = 1000, 250
#: candidates whose figures of merit differ by less are compared as Optuna does it
_MARGIN = 1e-6
_MODELLED = (TrialState.COMPLETE, TrialState.PRUNED)


class TPE(TPESampler):
    """Optuna's sampler, which is made anew for each trial, with what all of them know.

    Args:
        limit: of finished trials, see `LIMIT`.
        options: of Optuna's sampler.
    """

    def __init__(self, limit: int = LIMIT, **options: Any) -> None:
        super().__init__(**options)
        self.limit = limit
        self._search_space = _SharedSpace()  # type: ignore[assignment]
        if self._group:
            self._group_decomposed_search_space = _SharedGroups()  # type: ignore[assignment]

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As Optuna's."""
        return super().sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As Optuna's."""
        return super().sample_independent(self._seen(study), trial, param_name, param_distribution)

    def _seen(self, study: optuna.Study) -> optuna.Study:
        # of several objectives a view tells the values, and what is best hangs on all trials
        return study if study._is_multi_objective() else cast("optuna.Study", _Seen(study, self.limit))

    def _get_internal_repr(
        self, trials: list[FrozenTrial], search_space: dict[str, BaseDistribution], study: optuna.Study
    ) -> dict[str, NDArray[Any]]:
        rows = history_of(study).index(_Values).rows
        values: list[list[float]] = []
        for trial in trials:
            params = rows.get(trial.number)
            if params is None:
                drawn = self._get_params(trial, study)
                known = search_space.keys() & drawn.keys()
                params = {name: search_space[name].to_internal_repr(drawn[name]) for name in known}
            if search_space.keys() <= params.keys():
                values.append([params[name] for name in search_space])
        columns = np.array(values, dtype=float).reshape(-1, len(search_space)).T
        return dict(zip(search_space, columns, strict=True))

    def _compute_acquisition_func(
        self, samples: dict[str, NDArray[Any]], mpe_below: _ParzenEstimator, mpe_above: _ParzenEstimator
    ) -> NDArray[Any]:
        """Of which only the maximum matters; Optuna's own way to it takes five times as long."""
        points = np.array(list(samples.values())).T
        merit = log_density(mpe_below, points) - log_density(mpe_above, points)
        best = points[~(merit < merit.max() - _MARGIN)]
        if np.isfinite(merit).all() and (best == best[0]).all():
            return merit
        return super()._compute_acquisition_func(samples, mpe_below, mpe_above)


class _Seen:
    """A study of one objective as the sampler sees it."""

    def __init__(self, study: optuna.Study, limit: int) -> None:
        self._study, self._limit = study, limit

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        """The trials by number; they are never copied."""
        history = history_of(self._study)
        finished = history.index(_Finished, self._study.direction).seen(self._limit)
        trials = sorted([*finished, *history.open], key=_number)
        return [trial for trial in trials if states is None or trial.state in states]


class _Finished:
    """The finished trials that a sampler models, and the best of them, as TPE ranks them."""

    def __init__(self, direction: StudyDirection) -> None:
        self._trials: list[FrozenTrial] = []
        self._best: list[tuple[Any, FrozenTrial]] = []
        self._direction = direction

    def add(self, trial: FrozenTrial) -> None:
        if trial.state in _MODELLED:
            bisect.insort(self._trials, trial, key=_number)
            bisect.insort(self._best, (self._rank(trial), trial), key=lambda ranked: ranked[0])
            del self._best[BEST:]

    def seen(self, limit: int) -> list[FrozenTrial]:
        """At most so many: the best, and the latest."""
        if len(self._trials) <= limit:
            return self._trials
        best = {trial.number: trial for _, trial in self._best[: max(1, limit * BEST // LIMIT)]}
        latest = (trial for trial in reversed(list(self._trials)) if trial.number not in best)
        return [*best.values(), *(trial for trial, _ in zip(latest, range(limit - len(best)), strict=False))]

    def _rank(self, trial: FrozenTrial) -> tuple[float, ...]:
        """The lower, the better: COMPLETE trials come first, then pruned ones, then those that break a constraint."""
        if (violation := _get_infeasible_trial_score(trial)) > 0:
            return 2, violation, 0, trial.number
        if trial.state == TrialState.PRUNED:
            return 1, *_get_pruned_trial_score(trial, cast("optuna.Study", self)), trial.number
        value = trial.value if trial.value is not None else math.inf
        return 0, value if self._direction == StudyDirection.MINIMIZE else -value, 0, trial.number

    @property
    def direction(self) -> StudyDirection:
        """As a study has it."""
        return self._direction


class _Values:
    """What the finished trials have drawn, in Optuna's internal representation, by number and name."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, float]] = {}

    def add(self, trial: FrozenTrial) -> None:
        if trial.state in _MODELLED:
            drawn = trial.distributions
            self.rows[trial.number] = {
                name: drawn[name].to_internal_repr(value) for name, value in trial.params.items()
            }


class _Spaces:
    """What the spaces of the finished trials have in common, and of which sets of hyperparameters they are.

    Attributes:
        joint: Optuna's intersection search space; None before the first trial.
        first: by the names of the hyperparameters the first trial that has them.
    """

    def __init__(self) -> None:
        self.joint: dict[str, BaseDistribution] | None = None
        self.first: dict[frozenset[str], FrozenTrial] = {}

    def add(self, trial: FrozenTrial) -> None:
        if trial.state not in _MODELLED:
            return
        others = trial.distributions
        joint = others if self.joint is None else self.joint
        self.joint = {name: joint[name] for name in sorted(joint) if joint[name] == others.get(name)}
        known = self.first.setdefault(frozenset(others), trial)
        if trial.number < known.number:
            self.first[frozenset(others)] = trial


class _SharedSpace:
    """In the place of `IntersectionSearchSpace`."""

    def calculate(self, study: optuna.Study, use_cache: bool = False) -> dict[str, BaseDistribution]:
        """The hyperparameters that all finished trials have, by name."""
        return dict(history_of(study).index(_Spaces).joint or {})


class _SharedGroups:
    """In the place of `_GroupDecomposedSearchSpace`."""

    def calculate(self, study: optuna.Study, use_cache: bool = False) -> _SearchSpaceGroup:
        """As if the trials were added in their order: further ones of the same hyperparameters change nothing."""
        group = _SearchSpaceGroup()
        for trial in sorted(history_of(study).index(_Spaces).first.values(), key=_number):
            group.add_distributions(trial.distributions)
        return group


def _number(trial: FrozenTrial) -> int:
    return trial.number
