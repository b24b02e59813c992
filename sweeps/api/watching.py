"""What a program or a notebook shows while a sweep runs, and when it is interrupted."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console

from sweeps.cli.output import LastingOutput
from sweeps.cli.sweep_view import counts
from sweeps.config import SweepConfig
from sweeps.engine import sweep
from sweeps.engine.scheduler import SearchBegun
from sweeps.errors import Interrupted
from sweeps.trial.plan import EpochReport, TrialOutcome


class Silent:
    """A watcher that says nothing."""

    def begin(self, begun: SearchBegun) -> None:
        """The search begins."""

    def epoch(self, report: EpochReport) -> None:
        """An epoch has ended."""

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""


@contextlib.contextmanager
def watching(config: SweepConfig, show: bool) -> Iterator[Any]:
    """The watcher of a sweep: progress on standard output, in a notebook as one output that changes, or `Silent`."""
    if not show:
        yield Silent()
        return
    from sweeps.cli.notebook_progress import NotebookProgress, in_notebook
    from sweeps.cli.progress import Progress

    output: Any = LastingOutput(sys.stdout)
    jobs, done = 0 if config.cluster else sweep.jobs_of(config), counts(config.study)
    progress = (
        NotebookProgress(config.trials, jobs, done)
        if in_notebook()
        else Progress(Console(file=output), config.trials, jobs, done)
    )
    with progress:
        yield progress


@contextlib.contextmanager
def says_how_to_go_on(so_far: Callable[[], str]) -> Iterator[None]:
    """An interruption says how to go on: in a notebook in place of a traceback, elsewhere below it.

    Args:
        so_far: what is done, in a line.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted) as stop:
        how = "The same call goes on; what was running continues where it was."
        stop.add_note(how)
        shown = [f"{type(stop).__name__}: {so_far()}", how]
        vars(stop)["_render_traceback_"] = lambda: shown
        raise
