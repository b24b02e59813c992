"""What a study may spend, and when it has had enough.

Both are asked of its trials alone, so that a resume, another slot and another sweep of the study get the same answer.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.study import study as studies
from sweeps.study.attributes import CONTINUES, IDENTITY, PARAMS, RETRY_OF, SKIPPED
from sweeps.study.history import History, history_of
from sweeps.study.points import is_walked
from sweeps.study.ranking import ranking_of
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
        if self._enough(study) is not None:
            return 0
        history = history_of(study)
        running = len(studies.own(history.trials[number] for number in held))
        lacking = self.trials - studies.count(study) - running
        if self.epochs is None:
            return lacking
        again = waiting_retries(study)
        reserved = {*held, *(trial.number for trial in again)}
        left = self.epochs - _epochs(history, reserved, self.epochs_a_trial)
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
        objective = studies.objective_of(study)
        ranking = ranking_of(study, objective)
        if not ranking.ranked:
            return None
        best = ranking.ranked[0]
        assert best.value is not None
        if self.stop_at is not None and not objective.better(self.stop_at, best.value):
            return f"{objective.metric} {best.value:.4g} of trial {best.number} has reached {self.stop_at:g}"
        if self.patience is not None and (since := ranking.since_best()) >= self.patience:
            return f"no trial of the last {since} was better than trial {best.number}"
        return None


class _Epochs:
    """How many epochs the finished attempts at each trial have had.

    Attributes:
        had: by the number of the first attempt, those of the attempt that has had most.
        total: their sum.
        first: by the number of a later attempt, that of the first.
    """

    def __init__(self) -> None:
        self.had: dict[int, int] = {}
        self.total = 0
        self.first: dict[int, int] = {}

    def add(self, trial: FrozenTrial) -> None:
        if CONTINUES not in trial.user_attrs:
            first = self.first_of(trial)
            before = self.had.get(first, 0)
            self.first[trial.number], self.had[first] = first, max(before, had(trial))
            self.total += self.had[first] - before

    def first_of(self, trial: FrozenTrial) -> int:
        """The number of the first attempt at a trial."""
        former = trial.user_attrs.get(RETRY_OF)
        return trial.number if former is None else self.first.get(former, former)


def waiting_retries(study: optuna.Study) -> list[FrozenTrial]:
    """The waiting attempts at trials that were begun before."""
    waiting = [trial for trial in history_of(study).open if trial.state == TrialState.WAITING]
    return [trial for trial in studies.own(waiting) if RETRY_OF in trial.user_attrs]


def spent(study: optuna.Study) -> int:
    """How many epochs the study's trials have had. Those that an attempt has repeated after the one before it was cut
    short count once: a death changes nothing in what a budget buys."""
    return _epochs(history_of(study), (), 0)


def saved(study: optuna.Study) -> int:
    """How many epochs the pruned trials would have had beyond those that they have had."""
    most, rounds = study.user_attrs.get(IDENTITY, {}).get("epochs", 0), len(rounds_of(study))
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    return sum(max(0, _wanted(trial, most) * rounds - had(trial)) for trial in studies.own(pruned))


def _epochs(history: History, reserved: Collection[int], most: int) -> int:
    """How many epochs all trials have had, all attempts at each together, or may have by the `reserved`."""
    finished = history.index(_Epochs)
    more: dict[int, int] = {}
    for trial in studies.own(history.open):
        first = finished.first_of(trial)
        epochs = most if trial.number in reserved else had(trial)
        more[first] = max(more.get(first, 0), epochs - finished.had.get(first, 0))
    return finished.total + sum(more.values())


def had(trial: FrozenTrial) -> int:
    """How many epochs a trial has had."""
    return max(0, (trial.last_step or 0) - int(trial.user_attrs.get(SKIPPED, 0)))


def _wanted(trial: FrozenTrial, most: int) -> int:
    """How many epochs a trial was to have in each round: those that it has drawn, where they are a hyperparameter."""
    drawn = trial.user_attrs.get(PARAMS, trial.params).get("epochs")
    return min(drawn, most) if isinstance(drawn, int) else most
