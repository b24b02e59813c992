"""Which hyperparameters decide: Optuna's PED-ANOVA, and how far it can be trusted at this many trials."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from sweeps.errors import InputError
from sweeps.study.view import StudyView

#: COMPLETE trials below which nothing is said
FEWEST = 4
#: good trials that PED-ANOVA should have (its documentation), and the share of all that is good where there are many
_GOOD, _QUANTILE = 5, 0.1
#: times that the trials are drawn again
_DRAWS = 20


@dataclass(frozen=True)
class Importance:
    """The importance of each hyperparameter; its fields are those of `sweeps importance --json`.

    Attributes:
        importance: by name, the most important first; the sum is 1.
        trials: COMPLETE trials that it is of.
        good: how many of them are compared with all.
        first: in how many of `draws` bootstrap samples of the trials the first hyperparameter is the first.
    """

    study: str
    importance: Mapping[str, float]
    trials: int
    good: int
    first: int
    draws: int = _DRAWS

    @property
    def verdict(self) -> str:
        """How far it can be trusted, in a word or two."""
        share = self.first / self.draws
        return "a stable order" if share >= 0.9 else "a hint" if share >= 0.5 else "the order is not settled"

    @property
    def worth(self) -> str:
        """How far it can be trusted, in a sentence."""
        name = next(iter(self.importance))
        return (
            f"PED-ANOVA compares the best {self.good} of {self.trials} COMPLETE trials with all of them; "
            f"{name} comes first in {self.first} of {self.draws} bootstrap samples of the trials: {self.verdict}"
        )


@functools.lru_cache(maxsize=1)  # a report asks several times
def importance(view: StudyView) -> Importance:
    """The importance of the hyperparameters that vary.

    Raises:
        InputError: there are too few COMPLETE trials, or all are alike, or have the same value.
    """
    trials, varied = view.ranked(), view.varied()
    found = _importances(view)
    generator, leaders = np.random.default_rng(0), Counter[str]()
    for _ in range(_DRAWS):
        drawn = [trials[index] for index in generator.integers(len(trials), size=len(trials))]
        leaders[next(iter(_evaluate(view.of(drawn), varied)), "")] += 1
    first = next(iter(found))
    return Importance(view.study_name, found, len(trials), _good(len(trials)), leaders[first])


def by_importance(view: StudyView) -> list[str]:
    """The hyperparameters that vary, the most important first; in the order of their first use where that cannot be
    told."""
    try:
        return list(_importances(view))
    except InputError:
        return view.varied()


def _importances(view: StudyView) -> dict[str, float]:
    """Raises: InputError: see `importance`."""
    trials, varied = view.ranked(), view.varied()
    if len(trials) < FEWEST or not varied:
        raise InputError(
            f"importance: at least {FEWEST} COMPLETE trials that differ are needed, "
            f"study {view.study_name!r} has {len(trials)}"
        )
    if len({trial.value for trial in trials}) == 1:
        raise InputError(
            f"importance: trials of different values are needed, all {len(trials)} of study {view.study_name!r} have "
            f"{trials[0].value:g}"
        )
    return _evaluate(view.of(trials), varied)


def evaluator(trials: int) -> PedAnovaImportanceEvaluator:
    """PED-ANOVA whose good trials are the best tenth, or of fewer trials as many as it needs."""
    return PedAnovaImportanceEvaluator(target_quantile=_good(trials) / trials)


def _good(trials: int) -> int:
    """How many of the trials are good ones: half of them at most."""
    return min(trials // 2, max(_GOOD, round(_QUANTILE * trials)))


def _evaluate(view: StudyView, names: list[str]) -> dict[str, float]:
    trials = view.get_trials()
    known = {name for trial in trials for name in trial.params}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a value is rare
        return get_param_importances(
            view, evaluator=evaluator(len(trials)), params=[name for name in names if name in known]
        )
