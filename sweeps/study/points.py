"""Which points of a space a study has tried, so that none is trained twice, and a small space ends a search.

No sampler of Optuna does this: all may draw a point again. `BruteForceSampler` draws at random once all is drawn, and
says so only when the last trial has ended; by then other workers have run points twice.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._brute_force import _TreeNode  # nothing public tells
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.study import retries
from sweeps.study.attributes import PARAMS
from sweeps.study.grid import GridSampler
from sweeps.study.history import History, attributes_of, history_of


@dataclass
class _Drawn:
    """What the finished trials of one version of the space have drawn.

    Attributes:
        ended, failed: the trials, by number.
        points: of those that ended, how often each is there.
        most_values: how many values a hyperparameter of those that ended has, at most.
        left: how many points remained, at least, when they were last counted, and how many trials there were.
    """

    ended: list[FrozenTrial] = field(default_factory=list)
    failed: list[FrozenTrial] = field(default_factory=list)
    points: Counter[frozenset[tuple[str, Any]]] = field(default_factory=Counter)
    most_values: float = 0
    left: tuple[int, int] = (0, 0)

    def add(self, trial: FrozenTrial) -> None:
        if trial.state == TrialState.FAIL:
            bisect.insort(self.failed, trial, key=_number)
            return
        bisect.insort(self.ended, trial, key=_number)
        self.points[_key(trial.params)] += 1
        self.most_values = max(self.most_values, _most_values(trial))


class _Versions:
    """The finished trials by the version of the space that they are of."""

    def __init__(self) -> None:
        self.drawn: defaultdict[Any, _Drawn] = defaultdict(_Drawn)

    def add(self, trial: FrozenTrial) -> None:
        if _has_drawn(trial):
            self.drawn[trial.user_attrs.get(SPACE_VERSION, 1)].add(trial)


class _Tried:
    """What the present version of a study's space has seen.

    Attributes:
        drawn: by finished trials.
        others: the trials beside those that ended, whose points are not to be drawn again either.
    """

    def __init__(self, study: optuna.Study, history: History) -> None:
        version = attributes_of(study).get(SPACE_VERSION, 1)
        self.drawn = history.index(_Versions).drawn[version]
        running = [
            trial
            for trial in history.open
            if trial.state == TrialState.RUNNING
            and trial.user_attrs.get(SPACE_VERSION, 1) == version
            and _has_drawn(trial)
        ]
        unfinished = {trial.number for trial in retries.unfinished(study)} if self.drawn.failed else ()
        # where nothing but failures is there yet, it may have been the machine
        failed = self.drawn.failed if self.drawn.ended else []
        self.others = [*(trial for trial in failed if trial.number not in unfinished), *running]

    def most_values(self) -> float:
        """How many values a hyperparameter has, at most."""
        return max([self.drawn.most_values, *map(_most_values, self.others)])

    def __len__(self) -> int:
        return len(self.drawn.ended) + len(self.others)


def tried(study: optuna.Study) -> list[FrozenTrial]:
    """The trials whose points are not to be drawn again, in the space's version that the study has now.

    A point whose trial has failed is left alone as long as there are others; where nothing but failures is there yet,
    it may have been the machine.
    """
    found = _Tried(study, history_of(study))
    trials = list(found.drawn.ended)
    for trial in found.others:
        bisect.insort(trials, trial, key=_number)
    return trials


def is_tried(study: optuna.Study, point: Mapping[str, Any], asking: int) -> bool:
    """Whether a trial of the study has that point, or waits to have it.

    Args:
        asking: the number of the running trial that is about to have it.
    """
    history = history_of(study)
    found = _Tried(study, history)
    waiting = (trial for trial in history.open if trial.state == TrialState.WAITING)
    points = [
        *((trial.number, trial.params) for trial in found.others),
        *((trial.number, trial.system_attrs.get("fixed_params", {})) for trial in waiting),
    ]
    return found.drawn.points[_key(point)] > 0 or any(other == point for number, other in points if number != asking)


def remaining_points(study: optuna.Study) -> int:
    """How many points, at least, no trial has drawn or is about to; 1 too where that is not known.

    Only in one's turn of `Claims`, when no other driver draws.
    """
    history = history_of(study)
    found = _Tried(study, history)
    about_to = sum(trial.state == TrialState.RUNNING and not _has_drawn(trial) for trial in history.open)
    waiting = any(trial.state == TrialState.WAITING for trial in history.open)
    # a hyperparameter with more values than there are trials: cheap, where a tree of millions is not
    if waiting or not len(found) or found.most_values() > len(found) + about_to:
        return 1
    left, of = found.drawn.left
    if (at_least := left - (len(history.trials) - of)) > 0:
        return at_least
    tree = _TreeNode()
    try:
        GridSampler._populate_tree(tree, tried(study), {})
    except ValueError:  # equal values were followed by other hyperparameters: by an edited space, say
        return 1
    left = max(0, tree.count_unexpanded(exclude_running=True) - about_to)
    # a trial takes one point at most; those that were left out now may count later
    found.drawn.left = left - len(found.drawn.failed) - len(history.open), len(history.trials)
    return left


def is_walked(study: optuna.Study) -> bool:
    """Whether all points were tried, and none of them is being tried."""
    running = any(trial.state == TrialState.RUNNING for trial in history_of(study).open)
    return not running and remaining_points(study) == 0


def is_finite(study: optuna.Study) -> bool:
    """Whether the hyperparameters that its trials have drawn have finitely many values."""
    return _Tried(study, history_of(study)).most_values() < float("inf")


def _number(trial: FrozenTrial) -> int:
    return trial.number


def _key(point: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset(point.items())


def _has_drawn(trial: FrozenTrial) -> bool:
    return bool(trial.params) or PARAMS in trial.user_attrs


def _most_values(trial: FrozenTrial) -> float:
    return max(map(_size, trial.distributions.values()), default=0)


def _size(distribution: BaseDistribution) -> float:
    """How many values there are; infinity for a range of floats without steps."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.single():
        return 1
    return (distribution.high - distribution.low) / distribution.step + 1 if distribution.step else float("inf")
