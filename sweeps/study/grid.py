"""Grids that several workers walk: in the order of KerasTuner's GridSearch, and to their end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BruteForceSampler
from optuna.samplers._brute_force import _TreeNode, _UnexpandedTreeNode  # nothing public tells
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.attributes import IDENTITY

#: values of Optuna's internal representation, by parameter
_Point = Mapping[str, float]


class GridSampler(BruteForceSampler):
    """Optuna's, for grids in which trials end before they have drawn all parameters: it raises a ValueError when others
    go on from the same values, such as the retry of one that was interrupted, and takes a grid for walked when a trial
    has drawn nothing."""

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Stop the study when all points were drawn."""
        if trial.params or state != TrialState.FAIL:
            super().after_trial(study, trial, state, values)

    @staticmethod
    def _populate_tree(tree: _TreeNode, trials: list[FrozenTrial], params: dict[str, Any]) -> None:
        others = [params, *(trial.params for trial in trials)]
        reached = [
            trial
            for trial in trials
            if trial.state != TrialState.FAIL or not any(_goes_on(other, trial, params) for other in others)
        ]
        BruteForceSampler._populate_tree(tree, reached, params)


class OrderedGridSampler(GridSampler):
    """Walks a grid as KerasTuner's GridSearch does: all defaults first, then the last parameter varies fastest.

    Parameters have the order in which the space with its default values declares them, inactive ones too; others follow
    as they appear in the study.

    Attributes:
        firsts: by parameter the value that precedes all others, to be set before the parameter is suggested. Of a
            parameter that the study has already, it is the value of the earliest trial.
    """

    def __init__(self) -> None:
        super().__init__()
        self.firsts: dict[str, Any] = {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The value of the first point that no trial has, among those that this trial can still become."""
        trials = [each for each in _drawn(study) if each.number != trial.number]
        firsts: dict[str, float] = {}
        for each in trials:
            for name, distribution in each.distributions.items():
                firsts.setdefault(name, distribution.to_internal_repr(each.params[name]))
        given = self.firsts.get(param_name)
        if given is not None:
            firsts.setdefault(param_name, param_distribution.to_internal_repr(given))
        tree = _TreeNode()
        tree.expand(param_name, _candidates(param_distribution))
        self._populate_tree(tree, trials, trial.params)
        ordered = _in_declared_order(study, firsts)

        def place(point: _Point) -> list[tuple[bool, float]]:
            """What is not known of a point is taken for the first value."""
            known = ((point.get(name, firsts[name]), firsts[name]) for name in ordered)
            return [(value != first, value) for value, first in known]

        every = tree.children or {}
        point = min(_undrawn(tree, {}), key=place, default={param_name: firsts.get(param_name, next(iter(every)))})
        return param_distribution.to_external_repr(point[param_name])


def _in_declared_order(study: optuna.Study, names: Iterable[str]) -> list[str]:
    declared = list(study.user_attrs.get(IDENTITY, {}).get("hyperparameters", ()))

    def position(name: str) -> int:
        own = name if name in declared else name.split(" [")[0]  # the study's name may have conditions
        return declared.index(own) if own in declared else len(declared)

    return sorted(names, key=position)


def _drawn(study: optuna.Study) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.params and trial.state != TrialState.WAITING]


def _goes_on(other: Mapping[str, Any], trial: FrozenTrial, current: Mapping[str, Any]) -> bool:
    """Whether another trial goes on from where this one has ended; the current one is about to."""
    more = len(other) > len(trial.params) or other is current
    return more and trial.params.items() <= other.items()


def _candidates(distribution: Any) -> tuple[Any, Any, Any]:
    """Low, high and step of the internal values."""
    if isinstance(distribution, CategoricalDistribution):
        return 0, len(distribution.choices) - 1, 1
    return distribution.low, distribution.high, distribution.step


def _undrawn(node: _TreeNode | _UnexpandedTreeNode, path: _Point) -> Iterator[_Point]:
    """The points below a node that no trial has, as far as they are known."""
    if isinstance(node, _UnexpandedTreeNode):
        yield path
    elif node.children is None:
        if not node.is_running:
            yield path
    else:
        for value, child in node.children.items():
            yield from _undrawn(child, {**path, str(node.param_name): value})
