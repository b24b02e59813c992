"""The progress of a search in workers, in KerasTuner's terms."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace

from rich.console import Console

from sweeps.api.watching import Silent
from sweeps.cli.output import LastingOutput
from sweeps.cli.progress import Progress
from sweeps.config import SweepConfig
from sweeps.engine import sweep
from sweeps.engine.scheduler import SearchBegun, Watcher
from sweeps.study import results, retries
from sweeps.study.budget import UNLIMITED
from sweeps.study.study import counted
from sweeps.trial.plan import EpochReport, TrialOutcome


class TrialProgress(Progress):
    """Progress by trials as KerasTuner counts them: all attempts at a trial are the same one, and failed ones count."""

    def __init__(self, console: Console, config: SweepConfig) -> None:
        total = None if config.trials == UNLIMITED else config.trials
        super().__init__(console, total, sweep.jobs_of(config), {})
        self._study, self._counted = config.study, 0
        #: the trials that are shown; another that has failed may be about to be tried again
        self._ended: set[int] = set()
        self._places: dict[int, int] = {-1: -1}

    def begin(self, begun: SearchBegun) -> None:
        """See `Watcher`."""
        self._ended = {trial.number for trial in counted(results.open_study(self._study))}
        self._counted = len(self._ended)
        best = begun.best and replace(begun.best, number=self._place(begun.best.number))
        super().begin(replace(begun, validation="", best=best))

    def epoch(self, report: EpochReport) -> None:
        """See `Watcher`."""
        super().epoch(replace(report, number=self._place(report.number)))

    def trial(self, outcome: TrialOutcome) -> None:
        """See `Watcher`."""
        self._ended.add(outcome.number)
        self._counted = sum(trial.number in self._ended for trial in counted(results.open_study(self._study)))
        super().trial(replace(outcome, number=self._place(outcome.number)))

    @property
    def _done(self) -> int:
        return self._counted

    def _place(self, number: int) -> int:
        """The trial of an attempt; -1 is none."""
        if number not in self._places:
            trials = results.open_study(self._study).get_trials(deepcopy=False)
            self._places[number] = retries.place(trials, number)
        return self._places[number]


@contextlib.contextmanager
def watching(config: SweepConfig, show: bool) -> Iterator[Watcher]:
    """The watcher of a search: progress on standard output, or none."""
    if not show:
        yield Silent()
        return
    with TrialProgress(Console(file=LastingOutput(sys.stdout)), config) as progress:  # type: ignore[arg-type]
        yield progress
