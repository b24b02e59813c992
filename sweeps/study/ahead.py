"""What a sampler will draw for a trial, before the trial asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from sweeps.study.study import StudyRef

#: samplers that draw each value by itself, whatever came of other trials; which value follows from the order alone
_IN_ORDER = frozenset({"random"})


def drawn_ahead(
    ref: StudyRef, study: optuna.Study, trials: Sequence[FrozenTrial], trial: FrozenTrial
) -> list[tuple[str, BaseDistribution, Any]]:
    """Name, distribution and value of what a trial draws, if it asks for what the one before it has asked for.

    The trial's own sampler draws the same when it is asked: this is another one with its seed.

    Args:
        trials: of the study, by number.
        trial: one without fixed values.
    """
    if ref.sampler not in _IN_ORDER:
        return []
    before = next((one for one in reversed(trials[: trial.number]) if one.distributions), None)
    if before is None:
        return []
    sampler = ref.sampler_of(trial.number)
    return [
        (name, distribution, sampler.sample_independent(study, trial, name, distribution))
        for name, distribution in before.distributions.items()
        if not distribution.single()  # Optuna does not ask for it
    ]
