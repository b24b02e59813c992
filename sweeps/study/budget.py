"""What a study may spend, and when it has had enough.

Both are asked of its trials alone, so that a resume, another slot and another sweep of the study get the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study import retries
from sweeps.study import study as studies
from sweeps.study.attributes import IDENTITY, PARAMS, RETRY_OF, SKIPPED
from sweeps.study.points import is_walked
from sweeps.study.rounds import rounds_of

#: stands for a total that is not known: more trials than any search has that can be completed
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Budget:
    """Whichever comes first ends a search; what runs then is run to its end.

    Attributes:
        trials: COMPLETE and PRUNED ones, in all.
        epochs_a_trial: at most, in all its rounds.
        epochs: of all trials together; None for no limit.
        stop_at: the value of the objective that is enough; None for none.
        patience: how many trials may end one after another without a better value; None for any number.
    """

    trials: int
    epochs_a_trial: int = 1
    epochs: int | None = None
    stop_at: float | None = None
    patience: int | None = None

    def unclaimed(self, study: optuna.Study, held: Collection[int]) -> int:
        """How many trials may be begun now, the waiting retries among them.

        Args:
            held: the numbers of the running trials that live processes work at. Each is counted with all the epochs
                that it may have: the budget is never exceeded, and what a pruned trial leaves is there for the next.
        """
        trials = study.get_trials(deepcopy=False)
        if self._enough(study) is not None:
            return 0
        running = sum(trial.number in held for trial in studies.own(trials))
        lacking = self.trials - len(studies.counted(study)) - running
        if self.epochs is None:
            return lacking
        again = waiting_retries(study)
        reserved = {*held, *(trial.number for trial in again)}
        left = self.epochs - sum(_epochs(trials, reserved, self.epochs_a_trial))
        return min(lacking, len(again) + max(0, left // self.epochs_a_trial))

    def missing(self, study: optuna.Study) -> int:
        """How many trials the study lacks; none once it has had enough, or its epochs are spent even if all that runs
        were pruned now."""
        if self._enough(study) is not None:
            return 0
        if self.epochs is not None and not waiting_retries(study) and self.epochs - spent(study) < self.epochs_a_trial:
            return 0
        return studies.missing(study, self.trials)

    def reason(self, study: optuna.Study) -> str | None:
        """Why the search has ended before its total, in one line; None if it has not, or for another reason."""
        lacking = studies.missing(study, self.trials)
        if not lacking:
            return None
        why = self._enough(study)
        if why is None and self.epochs is not None and self.missing(study) == 0:
            why = f"of the budget of {self.epochs} epochs {spent(study)} are spent, which leaves no whole trial"
        if why is None and is_walked(study):
            why = "all configurations of the space are tried"
        return None if why is None else f"{why}: ended after {self.trials - lacking} of {self.trials} trials"

    def _enough(self, study: optuna.Study) -> str | None:
        """Why no more is to be searched for."""
        if self.stop_at is None and self.patience is None:
            return None
        objective, trials = studies.objective_of(study), study.get_trials(deepcopy=False, states=studies.FINISHED)
        best = next(iter(objective.ranked(trials)), None)
        if best is None:
            return None
        assert best.value is not None
        if self.stop_at is not None and not objective.better(self.stop_at, best.value):
            return f"{objective.metric} {best.value:.4g} of trial {best.number} has reached {self.stop_at:g}"
        since = [trial for trial in studies.own(trials) if _end(trial) > min(map(_end, _equals(best, trials)))]
        if self.patience is not None and len(since) >= self.patience:
            return f"no trial of the last {len(since)} was better than trial {best.number}"
        return None


def waiting_retries(study: optuna.Study) -> list[FrozenTrial]:
    """The waiting attempts at trials that were begun before."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    return [trial for trial in studies.own(waiting) if RETRY_OF in trial.user_attrs]


def spent(study: optuna.Study) -> int:
    """How many epochs the study's trials have had. Those that an attempt has repeated after the one before it was cut
    short count once: a death changes nothing in what a budget buys."""
    return sum(_epochs(study.get_trials(deepcopy=False), (), 0))


def saved(study: optuna.Study) -> int:
    """How many epochs the pruned trials would have had beyond those that they have had."""
    most, rounds = study.user_attrs.get(IDENTITY, {}).get("epochs", 0), len(rounds_of(study))
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    return sum(max(0, _wanted(trial, most) * rounds - had(trial)) for trial in studies.own(pruned))


def _epochs(trials: Sequence[FrozenTrial], reserved: Collection[int], most: int) -> Iterator[int]:
    """How many epochs each trial has had, all attempts at it together, or may have by one of the `reserved`."""
    for attempts in retries.by_trial(trials):
        if studies.own(attempts):
            yield max(most if attempt.number in reserved else had(attempt) for attempt in attempts)


def had(trial: FrozenTrial) -> int:
    """How many epochs a trial has had."""
    return max(0, (trial.last_step or 0) - int(trial.user_attrs.get(SKIPPED, 0)))


def _wanted(trial: FrozenTrial, most: int) -> int:
    """How many epochs a trial was to have in each round: those that it has drawn, where they are a hyperparameter."""
    drawn = trial.user_attrs.get(PARAMS, trial.params).get("epochs")
    return min(drawn, most) if isinstance(drawn, int) else most


def _equals(best: FrozenTrial, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    alike = [trial for trial in studies.own(trials) if trial.state == best.state and trial.value == best.value]
    return [trial for trial in alike if studies.is_feasible(trial)]


def _end(trial: FrozenTrial) -> float:
    assert trial.datetime_complete is not None
    return trial.datetime_complete.timestamp()
