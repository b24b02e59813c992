"""The hyperparameters that the trials of a study have had, as the study has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from sweeps.space.fingerprint import SPACE_VERSION


@dataclass(frozen=True)
class Known:
    """A parameter of a study.

    Attributes:
        distribution, version: of the last trial that has it: its values, and the version of the space.
    """

    distribution: BaseDistribution
    version: int


class KnownParameters:
    """A study's parameters by name; trials that have ended are looked at once."""

    def __init__(self) -> None:
        self._found: dict[str, Known] = {}
        self._ended = 0

    def update(self, trials: Sequence[FrozenTrial]) -> dict[str, Known]:
        """The parameters of these trials, which are all of the study, by number."""
        for trial in trials[self._ended :]:
            version = trial.user_attrs.get(SPACE_VERSION, 1)
            self._found.update({name: Known(one, version) for name, one in trial.distributions.items()})
        while self._ended < len(trials) and trials[self._ended].state.is_finished():
            self._ended += 1
        return dict(self._found)
