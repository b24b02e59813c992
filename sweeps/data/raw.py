"""What a reader hands over: arrays as they came, not yet encoded, split or described."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.data.dataset import Part


@dataclass(frozen=True, eq=False)
class Raw:
    """Arrays as a source brings them.

    Attributes:
        train: the training rows, or all rows when `whole`.
        validation, test: where the source brings its own.
        whole: a validation and a test set are still to be split off; otherwise at most a validation set is,
            since who names training rows has test rows elsewhere.
        labels: the classes' names when the source knows them; class i of `y` is then called ``labels[i]``.
        features: a table's columns.
    """

    train: Part
    validation: Part | None = None
    test: Part | None = None
    whole: bool = False
    labels: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
