"""What is left of a grid that several workers walk: `BruteForceSampler` draws at random once all is drawn, and says so
only when the last trial has ended; by then other workers have run points twice."""

from __future__ import annotations

import optuna
from optuna.samplers import BruteForceSampler
from optuna.samplers._brute_force import _TreeNode  # nothing public tells
from optuna.trial import TrialState


def remaining_points(study: optuna.Study) -> int:
    """How many points, at least, no trial has drawn or is about to; 0 too where that is not known yet.

    Only while no other worker draws.
    """
    trials = study.get_trials(deepcopy=False)
    waiting = sum(trial.state == TrialState.WAITING for trial in trials)
    about_to = sum(trial.state == TrialState.RUNNING and not trial.params for trial in trials)
    drawn = [trial for trial in trials if trial.params and trial.state != TrialState.WAITING]
    if waiting or not drawn:
        return 1
    tree = _TreeNode()
    BruteForceSampler._populate_tree(tree, drawn, {})
    return max(0, tree.count_unexpanded(exclude_running=True) - about_to)


def is_walked(study: optuna.Study) -> bool:
    """Whether all points were drawn, and none of them is being tried."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return not running and remaining_points(study) == 0
