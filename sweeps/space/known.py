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
        self._found: dict[str, tuple[int, Known]] = {}
        self._open: list[int] = []
        self._seen = 0

    def update(self, trials: Sequence[FrozenTrial]) -> dict[str, Known]:
        """The parameters of these trials, which are all of the study, by number."""
        new = [*self._open, *range(self._seen, len(trials))]
        for trial in (trials[number] for number in new):
            version = trial.user_attrs.get(SPACE_VERSION, 1)
            for name, distribution in trial.distributions.items():
                if self._found.get(name, (-1,))[0] <= trial.number:
                    self._found[name] = (trial.number, Known(distribution, version))
        self._open = [number for number in new if not trials[number].state.is_finished()]
        self._seen = len(trials)
        return {name: known for name, (_, known) in self._found.items()}
