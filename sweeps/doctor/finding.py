"""What a check yields: findings, each with its repair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from sweeps.export.inputs import StudyRows
from tracking import Store

TakeRows = Callable[[optuna.Study], StudyRows]


@dataclass(frozen=True)
class Finding:
    """A violated invariant of a study.

    Attributes:
        where: the trial, run or file.
        what: what is wrong with it.
        remedy: what `--fix` does about it; where `repair` is None, what the user can do.
        repair: performs the remedy; None where no repair is possible.
    """

    where: str
    what: str
    remedy: str
    repair: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def line(self, repaired: bool) -> str:
        """The finding as one line of text."""
        by = "repaired: " if repaired and self.repair else "--fix " if self.repair else ""
        return f"{self.where}: {self.what}; {by}{self.remedy}"


@dataclass(frozen=True)
class StudyContext:
    """What a check needs to know of a study.

    Attributes:
        folder: the study's folder in the workspace.
        store: of the kind of the study's runs.
        alive: a sweep of the study is running; what it works on is no finding.
        rows: gives raw rows of the study, on which an export that is made again is compared; None: random ones are.
    """

    name: str
    folder: Path
    study: optuna.Study
    store: Store
    alive: bool
    rows: TakeRows | None = None

    def trial(self, number: int) -> str:
        """A trial in a finding: `trial 7`; of the study that confirms another one, `confirm 7`."""
        return f"{self.store.kind} {number}"
