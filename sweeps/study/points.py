"""Which points of a space a study has tried, so that none is trained twice, and a small space ends a search.

No sampler of Optuna does this: all may draw a point again. `BruteForceSampler` draws at random once all is drawn, and
says so only when the last trial has ended; by then other workers have run points twice.
"""

from __future__ import annotations

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._brute_force import _TreeNode  # nothing public tells
from optuna.trial import FrozenTrial, TrialState

from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.study import retries
from sweeps.study.attributes import PARAMS
from sweeps.study.grid import GridSampler
from sweeps.study.study import FINISHED


def tried(study: optuna.Study) -> list[FrozenTrial]:
    """The trials whose points are not to be drawn again, in the space's version that the study has now.

    A point whose trial has failed is left alone as long as there are others; where nothing but failures is there yet,
    it may have been the machine.
    """
    current = study.user_attrs.get(SPACE_VERSION, 1)
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.user_attrs.get(SPACE_VERSION, 1) == current and _has_drawn(trial)
    ]
    unfinished = {trial.number for trial in retries.unfinished(study)}
    failed = [TrialState.FAIL] if any(trial.state in FINISHED for trial in trials) else []
    states = (*FINISHED, TrialState.RUNNING, *failed)
    return [trial for trial in trials if trial.state in states and trial.number not in unfinished]


def remaining_points(study: optuna.Study) -> int:
    """How many points, at least, no trial has drawn or is about to; 1 too where that is not known.

    Only while no other worker draws.
    """
    trials, all_trials = tried(study), study.get_trials(deepcopy=False)
    waiting = any(trial.state == TrialState.WAITING for trial in all_trials)
    about_to = sum(trial.state == TrialState.RUNNING and not _has_drawn(trial) for trial in all_trials)
    if waiting or not trials or not _may_be_walked(trials, about_to):
        return 1
    tree = _TreeNode()
    try:
        GridSampler._populate_tree(tree, trials, {})
    except ValueError:  # equal values were followed by other hyperparameters: by an edited space, say
        return 1
    return max(0, tree.count_unexpanded(exclude_running=True) - about_to)


def is_walked(study: optuna.Study) -> bool:
    """Whether all points were tried, and none of them is being tried."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return not running and remaining_points(study) == 0


def is_finite(study: optuna.Study) -> bool:
    """Whether the hyperparameters that its trials have drawn have finitely many values."""
    return all(_size(one) < float("inf") for trial in tried(study) for one in trial.distributions.values())


def _has_drawn(trial: FrozenTrial) -> bool:
    return bool(trial.params) or PARAMS in trial.user_attrs


def _may_be_walked(trials: list[FrozenTrial], about_to: int) -> bool:
    """Whether no hyperparameter has more values than there are trials; cheap, where a tree of millions is not."""
    most = len(trials) + about_to
    return all(_size(one) <= most for trial in trials for one in trial.distributions.values())


def _size(distribution: BaseDistribution) -> float:
    """How many values there are; infinity for a range of floats without steps."""
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.single():
        return 1
    return (distribution.high - distribution.low) / distribution.step + 1 if distribution.step else float("inf")
