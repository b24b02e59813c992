"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.data.source import DataSource
from sweeps.errors import InputError


def with_validation(
    parts: list[Part | None], whole: bool, classes: Array | None, labels: tuple[str, ...], source: DataSource
) -> tuple[Part, Part, Part | None]:
    """Training, validation and test rows, those that are missing split off the training rows.

    Args:
        parts: of the three what there is.
        whole: a test set is to be split off, too.
        classes, labels: of the training rows, as `split` takes them.

    Raises:
        InputError: as `split`.
    """
    train, validation, test = parts
    assert train is not None
    if validation is not None:
        return train, validation, test
    test_fraction = source.test_fraction if whole else 0
    split_off = split(len(train), source.validation_fraction, test_fraction, source.seed, classes, labels)
    some = [train.map(lambda array, rows=rows: array[rows]) for rows in split_off]  # type: ignore[misc]
    return some[0], some[1], test if len(some[2]) == 0 else some[2]


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
