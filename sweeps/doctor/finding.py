"""What the checks give: findings, each with what would repair it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from tracking import Store


@dataclass(frozen=True)
class Finding:
    """Something about a study that does not hold.

    Attributes:
        where: the trial, the run or the file.
        what: what is wrong with it.
        remedy: what `--fix` does about it; without a `repair`, what a person can do.
        repair: does it.
    """

    where: str
    what: str
    remedy: str
    repair: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def line(self, repaired: bool) -> str:
        """For a person to read."""
        by = "repaired: " if repaired and self.repair else "--fix " if self.repair else ""
        return f"{self.where}: {self.what}; {by}{self.remedy}"


@dataclass(frozen=True)
class StudyContext:
    """A study that is looked over.

    Attributes:
        folder: what belongs to the study alone.
        alive: a sweep of the study is running: what it works at is no damage.
    """

    name: str
    folder: Path
    study: optuna.Study
    store: Store
    alive: bool
