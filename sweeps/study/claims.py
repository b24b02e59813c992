"""Who works at which trial, so that several sweeps of one study share its budget and no dead one keeps a part of it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import InputError
from sweeps.storage.shared import marks_of
from sweeps.study import retries
from sweeps.study.attributes import HOLDER
from sweeps.study.budget import Budget, waiting_retries
from sweeps.study.history import history_of
from sweeps.study.points import remaining_points


class Claims:
    """A study's trials as its drivers share them out: by locks of this machine, or of the database that has the study.

    Args:
        folder: the study's.

    Attributes:
        refresh: reads what other processes have written.
        publish: lets other processes read what this one has written.
        take_over: lets abandoned trials go on; called before a new one is drawn.
    """

    def __init__(self, folder: Path) -> None:
        self._marks = marks_of(folder)
        self.refresh: Callable[[], None] = lambda: None
        self.publish: Callable[[], None] = lambda: None
        self.take_over: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one who changes what there is to claim; others wait, and see then what was changed."""
        with self._marks.turn():
            self.refresh()
            yield
            self.publish()

    @contextlib.contextmanager
    def claim(
        self,
        study: optuna.Study,
        budget: Budget,
        number: int | None = None,
        sampler: Callable[[int], BaseSampler] | None = None,
    ) -> Iterator[optuna.Trial | None]:
        """A new trial that is this process's while the block runs; None when others work at all that the budget allows,
        or the space has.

        Args:
            number: of the waiting trial that it is to be, whatever the budget; None: whichever the study gives.
            sampler: gives the one that is to draw the trial of that number; None: the study's own.
        """
        with self._marks.mark() as mark:
            with self.turn():
                trial: optuna.Trial | None = None
                own = copy.copy(study)  # with a sampler of its own, and its own view of the trials
                if number is not None:
                    trial = retries.take(own, number)
                elif self._is_free(study, budget):
                    again = waiting_retries(study)
                    if sampler is not None:
                        own.sampler = sampler(again[0].number if again else _next(study))
                    # what was begun has its epochs already
                    if not again:
                        trial = own.ask()
                    else:
                        # another sweep was faster, where the turn was lost with the connection to the database
                        with contextlib.suppress(InputError):
                            trial = retries.take(own, again[0].number)
                if trial is not None:
                    trial.set_user_attr(HOLDER, mark)
            yield trial

    def unclaimed(self, study: optuna.Study, budget: Budget) -> int:
        """How many trials the budget allows beside those that live processes work at."""
        return budget.unclaimed(study, {trial.number for trial, held in self._running(study) if held})

    def abandoned(self, study: optuna.Study) -> list[FrozenTrial]:
        """The trials that are RUNNING though no live process works at them.

        Only when it is one's `turn`: at other times a trial may be about to get its holder.
        """
        return [trial for trial, held in self._running(study) if not held]

    def close(self) -> None:
        """Look no more."""
        self._marks.close()

    def _is_free(self, study: optuna.Study, budget: Budget) -> bool:
        running = self._running(study)
        if not all(held for _, held in running):
            self.take_over()
            running = self._running(study)
        held = {trial.number for trial, held in running if held}
        return budget.unclaimed(study, held) > 0 and remaining_points(study) > 0

    def _running(self, study: optuna.Study) -> list[tuple[FrozenTrial, bool]]:
        """The RUNNING trials, and whether a live process works at each."""
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        marks = [trial.user_attrs.get(HOLDER) for trial in running]
        return [
            (trial, mark is not None and self._marks.alive(mark)) for trial, mark in zip(running, marks, strict=True)
        ]


def _next(study: optuna.Study) -> int:
    """The number of the trial that the study gives next: the first that waits, else a new one."""
    history = history_of(study)
    return next((trial.number for trial in history.open if trial.state == TrialState.WAITING), len(history.trials))
