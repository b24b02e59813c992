"""A study of several objectives, for what Optuna has for those: samplers, Pareto fronts, their plot.

In its journal a study has one objective, the first: by its values at each epoch trials are pruned, which Optuna does
not do in a study of several. The other values of a trial are among its `FIGURES`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Container, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.attributes import FIGURES


class MultiObjectiveView(optuna.Study):
    """A study as Optuna knows those of several objectives.

    Args:
        others: the direction of each objective beside the first, by its name.
    """

    def __init__(self, study: optuna.Study, others: Mapping[str, str]) -> None:
        super().__init__(study.study_name, study._storage)
        self._study, self._others = study, tuple(others)
        self._directions = [*study.directions, *(StudyDirection[one.upper()] for one in others.values())]
        worst = {StudyDirection.MAXIMIZE: -math.inf, StudyDirection.MINIMIZE: math.inf}
        self._worst = [worst[direction] for direction in self._directions[1:]]

    @property
    def direction(self) -> StudyDirection:
        """Of the first objective: by its values at their last epochs a sampler ranks pruned trials."""
        return self._directions[0]

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        """As of any study; they are never copied, since neither samplers nor plots change one."""
        return [self._with_values(trial) for trial in self._study.get_trials(deepcopy=False, states=states)]

    def _with_values(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.state != TrialState.COMPLETE:
            return trial
        figures, seen = trial.user_attrs.get(FIGURES, {}), copy.copy(trial)
        others = [figures.get(name, worst) for name, worst in zip(self._others, self._worst, strict=True)]
        seen.values = [trial.values[0], *others]
        return seen


class MultiObjectiveSampler(BaseSampler):
    """Asks a sampler of Optuna as in a study of several objectives.

    Args:
        others: see `MultiObjectiveView`.
    """

    def __init__(self, sampler: BaseSampler, others: Mapping[str, str]) -> None:
        self._sampler, self._others = sampler, others

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As of the sampler."""
        return self._sampler.infer_relative_search_space(self._seen(study), trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """As of the sampler."""
        return self._sampler.sample_relative(self._seen(study), trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As of the sampler."""
        return self._sampler.sample_independent(self._seen(study), trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """As of the sampler."""
        self._sampler.before_trial(self._seen(study), trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """As of the sampler."""
        self._sampler.after_trial(self._seen(study), trial, state, values)

    def reseed_rng(self) -> None:
        """As of the sampler."""
        self._sampler.reseed_rng()

    def _seen(self, study: optuna.Study) -> MultiObjectiveView:
        return MultiObjectiveView(study, self._others)
