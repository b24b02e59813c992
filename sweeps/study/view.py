"""A study at one moment, for the functions of Optuna that read one: plots and importances."""

from __future__ import annotations

from collections.abc import Container, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study.study import objective_of, own


class StudyView(optuna.Study):
    """A study whose trials are read once, without those that train another one on: they had more epochs, and compare
    with nothing.

    Args:
        trials: what it shows; None: all of the study.

    Attributes:
        objective: what is searched for.
        label: what a plot calls a trial's value.
    """

    def __init__(self, study: optuna.Study, trials: Sequence[FrozenTrial] | None = None) -> None:
        super().__init__(study.study_name, study._storage)
        self.objective = objective_of(study)
        self.label = f"best {self.objective.metric}"
        self._shown = own(study.get_trials(deepcopy=False)) if trials is None else list(trials)

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        """The trials by number; they are never copied, since whoever draws changes none."""
        return [trial for trial in self._shown if states is None or trial.state in states]

    def ranked(self) -> list[FrozenTrial]:
        """The COMPLETE trials with a finite value, best first."""
        return self.objective.ranked(self._shown)

    def of(self, trials: Sequence[FrozenTrial]) -> StudyView:
        """The same study with these trials alone."""
        return StudyView(self, trials)

    def varied(self) -> list[str]:
        """The hyperparameters that have more than one value in the COMPLETE trials, in the order of their first use;
        one that only some trials have is among them."""
        complete = self.ranked()
        names = dict.fromkeys(name for trial in complete for name in trial.params)
        return [name for name in names if len({repr(trial.params.get(name)) for trial in complete}) > 1]
