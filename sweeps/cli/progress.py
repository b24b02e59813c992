"""What one sees of a running sweep: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweeps import dense_kernels
from sweeps.study.leaderboard import duration
from sweeps.study.study import Objective
from sweeps.system import background
from sweeps.trial.plan import EpochReport, OutcomeState, TrialOutcome

if TYPE_CHECKING:
    from sweeps.engine.scheduler import SearchBegun

#: what is said while workers wait for that
COMPILING = "compiling training kernels (once for this machine, about 20 s)"


class Progress:
    """Shows a sweep while it runs; a context manager, and the engine's watcher.

    Args:
        jobs: trials at once; 0 where the workers of a cluster decide.
        total: how many trials the study is to have; None where only its end tells.
        done: counts by state of those that are there already.
    """

    _what = "trial"

    def __init__(self, console: Console, total: int | None, jobs: int, done: Mapping[str, int]) -> None:
        self._console, self._total, self._jobs = console, total, jobs
        self._counts = Counter(done)
        self._running: dict[int, EpochReport] = {}
        self._seconds: list[float] = []
        self._undefined: set[str] = set()
        self._objective = Objective("value", "maximize")
        self._best: TrialOutcome | None = None
        self._started = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render, transient=True)

    def __enter__(self) -> Progress:
        if dense_kernels.compilation_is_due():
            self._say(COMPILING)
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def begin(self, begun: SearchBegun) -> None:
        """The search begins."""
        background.say_begun()
        self._objective, self._best = begun.objective, begun.best
        if begun.workers is not None:
            self._jobs = begun.workers
            self._say(f"workers: {begun.workers}")
        if begun.task:
            self._say(f"task: {begun.task}")
        if begun.validation:
            self._say(f"validation: {begun.validation}")
        if begun.models:
            self._say(f"models: {begun.models}")
        for warning in begun.warnings:
            self._say(f"warning: {warning}")

    def epoch(self, report: EpochReport) -> None:
        """An epoch of a running trial has ended."""
        self._running[report.number] = report

    def trial(self, outcome: TrialOutcome) -> None:
        """A trial has ended."""
        self._running.pop(outcome.number, None)
        for name, given in outcome.undefined.items():
            if name not in self._undefined:  # once a sweep
                self._undefined.add(name)
                self._say(
                    f"warning: {name} is {given} in trial {outcome.number}; only a loss or the objective fails one"
                )
        self._counts[outcome.state] += 1
        self._seconds.append(outcome.seconds)
        value = ""
        if outcome.value is not None:
            value = f" best_{self._objective.metric}={outcome.value:.4f}"
            if not outcome.infeasible and self._is_best(outcome):
                self._best = outcome
                value += " (best so far)"
        if outcome.error or not self._console.is_terminal:
            error = f": {why}" if (why := outcome.error or outcome.infeasible) else ""
            self._say(
                f"{self._progress}  {self._what} {self._named(outcome.number)} {outcome.state}{value}  "
                f"{outcome.seconds:.1f} s{error}"
            )

    def _named(self, number: int) -> str:
        """A trial in the table, and in lines."""
        return str(number)

    def _is_best(self, outcome: TrialOutcome) -> bool:
        assert outcome.value is not None
        return self._objective.better(outcome.value, self._best.value if self._best else None)

    @property
    def _done(self) -> int:
        """Trials that count towards the total."""
        return self._counts[OutcomeState.COMPLETE] + self._counts[OutcomeState.PRUNED]

    @property
    def _progress(self) -> str:
        return str(self._done) if self._total is None else f"{self._done}/{self._total}"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _left(self) -> str:
        """How long the missing trials take if they take what those so far took; empty before the first, and
        without a total."""
        if not self._seconds or self._total is None:
            return ""
        mean = sum(self._seconds) / len(self._seconds)
        return f", about {duration((self._total - self._done) * mean / max(1, self._jobs))} left"

    def _render(self) -> Group:
        if not (self._running or self._seconds):
            workers = f"starting {self._jobs} workers" if self._jobs else "waiting for workers"
            return Group(Text(f"{workers} and looking at data and space …", "dim"))
        states = "  ".join(f"{n} {state.lower()}" for state, n in sorted(self._counts.items()) if n)
        gone = duration(time.monotonic() - self._started)
        head = Text.assemble((f"{self._progress} {self._what}s", "bold"), f"  {states}  {gone}{self._left()}")
        parts: list[Any] = [head]
        if self._best is not None and self._best.value is not None:
            text = f"best {self._objective.metric} {self._best.value:.4f}, trial {self._best.number}: "
            parts.append(Text(text + as_text(self._best.params), "green"))
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in (self._what, "epoch", self._objective.metric):
            table.add_column(column, justify="right")
        for number, report in sorted(self._running.copy().items()):
            value = "" if report.value is None else f"{report.value:.4f}"
            table.add_row(self._named(number), f"{report.epoch}/{report.epochs}", value)
        return Group(*parts, table)


def as_text(params: Mapping[str, Any]) -> str:
    """Hyperparameters on one line; long floats shortened."""
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
    )
