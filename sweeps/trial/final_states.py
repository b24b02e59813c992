"""The last states of the best trials, from which they can be trained on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import optuna

from sweeps.study.ranking import ranked
from sweeps.study.study import StudyRef, objective_of
from sweeps.trial.checkpoint import Checkpoints

if TYPE_CHECKING:
    from sweeps.trial.files import SentCheckpoints

logger = logging.getLogger(__name__)

#: how many are kept: each takes three times the room of the weights, and any trial can be trained again from its seed
KEPT = 5
#: trials that may have fallen out of the best at once
_AT_ONCE = 64


def keep(number: int, states: Checkpoints | SentCheckpoints, state: object) -> None:
    """Keep the state of a trial that has just ended.

    It is a trial's extra: that it cannot be written costs no trial.
    """
    try:
        states.save(number, state)
    except OSError as error:
        logger.warning("The last state of trial %d is not kept: %s", number, error)


def forget(study: optuna.Study, ref: StudyRef) -> None:
    """Forget the states of the trials that are not among the best any more."""
    states = Checkpoints(ref.states)
    for former in ranked(study, objective_of(study))[KEPT : KEPT + _AT_ONCE]:
        states.forget(former.number)
