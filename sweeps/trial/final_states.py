"""Where a trial begins; and the last states of the best ones, from which they can be trained on."""

from __future__ import annotations

import logging
from typing import Any

import optuna

from sweeps.study.attributes import CONTINUES, RETRY_OF
from sweeps.study.retries import lineage, origin
from sweeps.study.study import StudyRef, objective_of
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.resume import TrialProgress

logger = logging.getLogger(__name__)

#: how many are kept: each takes three times the room of the weights, and any trial can be trained again from its seed
KEPT = 5
#: trials that may have fallen out of the best at once, through as many workers
_AT_ONCE = 64


def progress_of(study: optuna.Study, trial: optuna.Trial, ref: StudyRef) -> TrialProgress:
    """Where a trial begins: where the attempts before it, or the trial that it trains on, have come to."""
    checkpoints, attributes = Checkpoints(ref.checkpoints), trial.user_attrs
    if not {RETRY_OF, CONTINUES} & attributes.keys():
        return TrialProgress(checkpoints, trial.number, trial.number)
    trials = study.get_trials(deepcopy=False)
    first = lineage(trials, trials[trial.number])[0].number
    begin = _load(checkpoints, first) if RETRY_OF in attributes else None
    if begin is None and CONTINUES in attributes:
        begin = _load(Checkpoints(ref.states), attributes[CONTINUES])
        # it may have been stopped early: this time it is asked to go on
        begin = begin and begin | {"stopped": False}
    return TrialProgress(
        checkpoints, first, origin(trials, trials[trial.number]).number, begin, CONTINUES in attributes
    )


def keep(study: optuna.Study, number: int, ref: StudyRef, state: object) -> None:
    """Keep the state of a trial that has just ended if it is among the best, or trains another one on; forget those of
    the trials that are not among the best any more.

    It is a trial's extra: that it cannot be written costs no trial.
    """
    states = Checkpoints(ref.states)
    trials = study.get_trials(deepcopy=False)
    ranked = [trial.number for trial in objective_of(study).ranked(trials)]
    try:
        if number in ranked[:KEPT] or CONTINUES in trials[number].user_attrs:
            states.save(number, state)
        for former in ranked[KEPT : KEPT + _AT_ONCE]:
            states.forget(former)
    except OSError as error:
        logger.warning("The last state of trial %d is not kept: %s", number, error)


def _load(checkpoints: Checkpoints, number: int) -> Any:
    """A checkpoint; None where there is none that can be read."""
    try:
        return checkpoints.load(number)
    except ValueError as damage:
        logger.warning("What was saved of trial %d is damaged, it begins anew: %s", number, damage)
        return None
