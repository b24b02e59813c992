"""The split into training, validation and test rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.data.source import DataSource
from sweeps.errors import InputError


def with_validation(
    parts: Mapping[str, Part], classes: Array | None, labels: tuple[str, ...], source: DataSource
) -> tuple[Part, Part, Part | None]:
    """Training, validation and test rows; missing ones are split off the training rows.

    Args:
        parts: see `RawDataset.parts`. Test rows are split off ``x`` only.
        classes, labels: of the training rows, see `split`.
        source: the fractions and the seed of the split.

    Raises:
        InputError: see `split`.
    """
    if "x_valid" in parts:
        return parts["x_train"], parts["x_valid"], parts.get("x_test")
    train = next(iter(parts.values()))
    test_fraction = source.test_fraction if "x" in parts else 0
    indices = split(len(train), source.validation_fraction, test_fraction, source.seed, classes, labels)
    train, validation, test = (train.map(lambda array, rows=rows: array[rows]) for rows in indices)  # type: ignore[misc]
    return train, validation, test if len(test) else parts.get("x_test")


def split(
    rows: int,
    validation: float,
    test: float,
    seed: int,
    classes: Array | None = None,
    labels: tuple[str, ...] = (),
) -> tuple[Array, Array, Array]:
    """Row indices for training, validation and test: int64, ascending, disjoint, together all rows.

    Each class gives the same fractions, and at least one row to each part; scikit-learn's stratified split
    leaves a class of few rows out of the validation set.

    Args:
        rows: the number of rows.
        validation, test: fractions of `rows`; `test` may be 0.
        seed: the same seed gives the same split.
        classes: the class index of each row, int (rows,), or None for a split that is not stratified.
        labels: the class names, for errors.

    Raises:
        InputError: too few rows, in total or of one class.
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
                "Add rows or drop the class; if the target is a quantity, choose the task 'regression'."
            )
        n_test = min(max(1, round(len(group) * test)), len(group) - 2) if test else 0
        n_validation = min(max(1, round(len(group) * validation)), len(group) - n_test - 1)
        end = len(group) - n_test
        for part, indices in zip(parts, np.split(group, [end - n_validation, end]), strict=True):
            part.append(indices)
    train, valid, test_rows = (np.sort(np.concatenate(part)) for part in parts)
    return train, valid, test_rows
