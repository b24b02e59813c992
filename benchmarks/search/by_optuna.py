"""Searches by Optuna: samplers and pruners are asked as this project's workers ask them."""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.search.task import Params, Task
from benchmarks.search.trajectory import Tried, tried
from sweeps.study.samplers import make_pruner, make_sampler
from sweeps.study.tpe import TPE

logging.getLogger("optuna").setLevel(logging.WARNING)


@dataclass(frozen=True)
class OptunaSearch:
    """A search with one trial at a time.

    Attributes:
        sampler: makes the one that draws a trial, of the study's seed and the trial's number.
        pruner: makes it, of the epochs of a trial.
        starts: how many configurations of the portfolio are trained first.
        loss: search for the lowest validation loss instead of the highest validation accuracy.
    """

    sampler: Callable[[int, int], BaseSampler]
    pruner: Callable[[int], BasePruner]
    starts: int = 0
    loss: bool = False

    def __call__(self, task: Task, seed: int, portfolio: Sequence[Params]) -> Iterator[Tried]:
        """Trials without end.

        Args:
            seed: the study's.
            portfolio: configurations to begin with, the best first.
        """
        study = optuna.create_study(
            study_name=f"{task.name}-{seed}",
            direction="minimize" if self.loss else "maximize",
            pruner=self.pruner(task.epochs),
        )
        for params in portfolio[: self.starts]:
            study.enqueue_trial(params)
        for number in itertools.count():
            study.sampler = self.sampler(seed, number)
            yield self._trial(study, task)

    def _trial(self, study: optuna.Study, task: Task) -> Tried:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            trial = study.ask(dict(task.space))
        curve = task.curves([trial.params])
        values = (curve.loss if self.loss else curve.accuracy)[0].tolist()
        for epoch, value in enumerate(values[:-1], 1):
            trial.report(value, epoch)
            if trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                return tried(curve, epoch, complete=False)
        study.tell(trial, min(values) if self.loss else max(values))
        return tried(curve, task.epochs, complete=True)


def of_this_project(
    sampler: str, pruner: str, starts: int = 0, loss: bool = False, limit: int | None = None
) -> OptunaSearch:
    """As `sweeps run --sampler … --pruner …` searches.

    Args:
        limit: how many finished trials TPE sees; None: as many as in a sweep.
    """

    def seeded(seed: int, number: int) -> BaseSampler:
        made = make_sampler(sampler, seed, number)
        if limit is not None and isinstance(made, TPE):
            made.limit = limit
        return made

    return OptunaSearch(
        seeded,
        lambda epochs: make_pruner(pruner, epochs),
        starts,
        loss,
    )


def of_optuna(pruner: Callable[[], BasePruner] = optuna.pruners.NopPruner) -> OptunaSearch:
    """As Optuna searches without a word about how: TPE with its own defaults."""
    samplers: dict[int, BaseSampler] = {}

    def sampler(seed: int, number: int) -> BaseSampler:
        if number == 0:
            samplers[seed] = optuna.samplers.TPESampler(seed=seed)
        return samplers[seed]

    return OptunaSearch(sampler, lambda epochs: pruner())
