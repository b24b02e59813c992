"""The data source of a sweep: small enough to send to every worker, which loads the arrays itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sweeps.data.csv_format import UNKNOWN, CsvFormat
from sweeps.errors import InputError, unknown

TASKS = ("classification", "regression", "multi_label")


@dataclass(frozen=True)
class DataSource:
    """A dataset by name, and how to split it.

    Attributes:
        name: a registered dataset (``digits``) or the path of a ``.csv``, ``.parquet`` or ``.npz`` file.
        target: the column to predict; for ``.csv`` and ``.parquet`` only, and required there.
        weight_column: the column of sample weights; for ``.csv`` and ``.parquet`` only.
        task: ``classification``, ``regression`` or ``multi_label``; None infers it from the target (see
            `sweeps.data.targets`).
        seed: of the split.
        validation_fraction, test_fraction: of all rows. From a source with separate training rows only validation
            rows are split off; a `test_fraction` of 0 splits off no test set.
        drop: columns to leave out; for ``.csv`` and ``.parquet`` only.
        columns: the only columns to keep beside target and weights; empty: all.
        csv: how a CSV file is written, as far as it is known.
        as_given: keep values, shapes and dtypes as they are, for the user's own model.

    Raises:
        InputError: an unknown task, a negative seed, or fractions that leave no training rows.
    """

    name: str
    target: str | None = None
    task: str | None = None
    seed: int = 0
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    weight_column: str | None = None
    as_given: bool = False
    drop: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    csv: CsvFormat = UNKNOWN

    def __post_init__(self) -> None:
        if self.task is not None and self.task not in TASKS:
            raise unknown("task", self.task, TASKS)
        if self.seed < 0:
            raise InputError(f"seed: 0 or more is needed, got {self.seed}")
        if not 0 < self.validation_fraction < 1:
            raise InputError(f"validation_fraction: above 0 and below 1 is needed, got {self.validation_fraction}")
        if not 0 <= self.test_fraction < 1 - self.validation_fraction:
            raise InputError(
                "test_fraction: 0 or more is needed, and below 1 when added to validation_fraction "
                f"({self.validation_fraction}), got {self.test_fraction}"
            )

    @property
    def path(self) -> Path | None:
        """The file; None for a registered dataset."""
        if os.sep in self.name or Path(self.name).suffix:
            # not Path.expanduser, which raises when there is no such user
            return Path(os.path.expanduser(self.name))  # noqa: PTH111
        return None

    @property
    def short_name(self) -> str:
        """The dataset's name, or the stem of its file: without folders of this machine."""
        return self.path.stem if self.path else self.name

    def absolute(self) -> DataSource:
        """A copy for processes in another working directory."""
        return replace(self, name=str(self.path.absolute())) if self.path else self
