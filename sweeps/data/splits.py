"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from sweeps.data.dataset import Array
from sweeps.errors import InputError


def split(
    rows: int,
    validation: float,
    test: float,
    seed: int,
    classes: Array | None = None,
    labels: tuple[str, ...] = (),
) -> tuple[Array, Array, Array]:
    """Row numbers for training, validation and test: int64, ascending, disjoint, together all rows.

    Each class gives the same fractions, and at least one row to each part; scikit-learn's stratified split
    leaves a class of few rows out of the validation set.

    Args:
        rows: how many there are.
        validation, test: fractions of `rows`; `test` may be 0.
        seed: the same seed gives the same split.
        classes: a class index for each row, or None for a split that is not stratified.
        labels: the classes' names, for the error.

    Raises:
        InputError: too few rows, in all or of one class.
    """
    shuffled = np.random.default_rng(seed).permutation(rows)
    if classes is None:
        groups = [shuffled]
    else:
        shuffled = shuffled[np.argsort(classes[shuffled], kind="stable")]
        groups = np.split(shuffled, np.cumsum(np.bincount(classes, minlength=len(labels)))[:-1])
    needed = 3 if test else 2
    parts: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for index, group in enumerate(groups):
        if len(group) < needed:
            what = "the data" if classes is None else f"class {labels[index]!r} of the target"
            sets = "training, validation and test sets" if test else "training and validation sets"
            raise InputError(
                f"{what}: {needed} rows are needed for {sets}, got {len(group)}.\n"
                "Add rows or drop the class; a target that is a quantity wants the task 'regression'."
            )
        n_test = min(max(1, round(len(group) * test)), len(group) - 2) if test else 0
        n_validation = min(max(1, round(len(group) * validation)), len(group) - n_test - 1)
        end = len(group) - n_test
        for part, some in zip(parts, np.split(group, [end - n_validation, end]), strict=True):
            part.append(some)
    train, valid, held_apart = (np.sort(np.concatenate(part)) for part in parts)
    return train, valid, held_apart
