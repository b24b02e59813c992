"""The split into training, validation and test rows, and into folds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from sweeps.data.dataset import Array, Dataset, Nested, Part, by_name, read_only
from sweeps.data.inputs import describe, moments
from sweeps.data.source import DataSource
from sweeps.data.weights import check_not_all_zero
from sweeps.errors import InputError

#: bytes that the folds of a dataset may take in a process: each has its own copy of the rows
MOST_BYTES = 10**9


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


@lru_cache(maxsize=1)
def folds(data: Dataset, k: int, seed: int) -> tuple[Dataset, ...]:
    """Training and validation rows together, divided into `k` folds; dataset i is validated on fold i and trained on
    the others. Test rows stay as they are.

    Each class gives all folds the same fraction. For the registered spaces each dataset is described by its own
    training rows, so that nothing of a fold is known to the model that is validated on it. Computed once per process.

    Args:
        k: at least 2.
        seed: the same seed gives the same folds.

    Raises:
        InputError: a class, or the data, has fewer than `k` rows; a fold lacks what `load` wants of a split; or the
            copies take more than `MOST_BYTES`.
    """
    needed = bytes_of_folds(data, k)
    if needed > MOST_BYTES:
        raise InputError(
            f"folds: {k} copies of the data take {needed / 1e9:.2g} GB in each process, {MOST_BYTES / 1e9:g} GB are "
            "allowed\nThe validation set of so much data needs no folds"
        )
    classes = _classes(data)
    if not data.as_given:  # of a person's own model, only its loss tells whether the values are classes
        check_folds(data, k)
    rows = _folds(len(data.train) + len(data.validation), k, seed, classes)
    try:
        return tuple(_fold(data, *indices) for indices in rows)
    except InputError as error:
        raise InputError(f"folds: {error}") from None


def bytes_of_folds(data: Dataset, k: int) -> int:
    """What the copies of the rows take in a process."""
    return k * sum(_bytes(part) for part in (data.train, data.validation))


def check_folds(data: Dataset, k: int) -> None:
    """Raises:
    InputError: a class, or the data, has fewer than `k` training and validation rows.
    """
    if few := has_few_rows(data, k):
        raise InputError(f"folds: {few}")


def has_few_rows(data: Dataset, k: int) -> str:
    """What has fewer than `k` training and validation rows, a class or the data; "" where nothing has."""
    classes, what = _classes(data), "the data"
    fewest = len(data.train) + len(data.validation)
    if classes is not None:
        values, counts = np.unique(classes, return_counts=True)
        fewest, rarest = counts.min(), int(values[counts.argmin()])
        labels = (data.encoded or data).labels or ()
        what = f"class {labels[rarest] if 0 <= rarest < len(labels) else rarest!r} of the target"
    return f"{what} has {fewest} training and validation rows, which are too few for {k} folds" if fewest < k else ""


def _folds(rows: int, k: int, seed: int, classes: Array | None) -> list[tuple[Array, Array]]:
    """The row indices, ascending, of each fold's training and validation rows."""
    from sklearn.model_selection import KFold, StratifiedKFold  # 0.5 s, which few sweeps need

    if classes is None:
        return list(KFold(k, shuffle=True, random_state=seed).split(np.empty(rows)))
    _, indices, counts = np.unique(classes, return_inverse=True, return_counts=True)
    merged = np.where(counts < k, -1, np.arange(len(counts)))[indices]
    with warnings.catch_warnings():  # all rare classes together may be fewer than k rows
        warnings.simplefilter("ignore", UserWarning)
        return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(merged, merged))


def _fold(data: Dataset, train: Array, validation: Array) -> Dataset:
    """The dataset with these of its training and validation rows."""
    whole = _joined(data.train, data.validation)
    trains, validates = (
        whole.map(lambda array, rows=rows: read_only(array[rows]))  # type: ignore[misc]
        for rows in (train, validation)
    )
    check_not_all_zero(trains, validates)
    fold = data.with_parts(trains, validates, data.test)
    if data.encoded is not None:
        fold = replace(fold, encoded=_fold(data.encoded, train, validation))
    if data.as_given:
        return fold
    inputs, spec = data.spec.inputs, data.spec
    dates = [name for name, one in inputs.items() if one.periods] if isinstance(inputs, Mapping) else []
    spec = replace(spec, inputs=describe(fold.train.x, dates))
    if spec.target_mean is not None:
        mean, variance = moments(fold.train.y)
        spec = replace(spec, target_mean=mean, target_variance=variance)
    return replace(fold, spec=spec)


def _classes(data: Dataset) -> Array | None:
    """The class index of each training and validation row; None where a row has no single class."""
    if data.spec.target not in ("sparse", "binary", "one_hot") or not isinstance(data.train.y, np.ndarray):
        return None  # a quantity, several labels, or several targets
    data = data.encoded or data
    y = np.concatenate([data.train.y, data.validation.y])
    return np.argmax(y, axis=1) if data.spec.target == "one_hot" else y.reshape(-1).astype(np.int64)


def _joined(first: Part, second: Part) -> Part:
    """The rows of both."""
    weights = [part.sample_weight for part in (first, second)]
    if (known := next((one for one in weights if one is not None), None)) is not None:
        # a row without a weight weighs 1
        weights = [
            np.ones((len(part), *known.shape[1:]), known.dtype) if one is None else one
            for part, one in zip((first, second), weights, strict=True)
        ]
    return Part(_concatenated(first.x, second.x), _concatenated(first.y, second.y), _concatenated(*weights))


def _concatenated(first: Nested, second: Nested) -> Nested:
    if isinstance(first, dict):
        return {name: np.concatenate([array, second[name]]) for name, array in first.items()}
    if isinstance(first, list):
        return [np.concatenate(pair) for pair in zip(first, second, strict=True)]
    return None if first is None else np.concatenate([first, second])


def _bytes(part: Part) -> int:
    """Of its inputs, targets and weights."""
    arrays = [*part.columns.values(), *part.targets.values(), *by_name(part.sample_weight).values()]
    return sum(array.nbytes for array in arrays if array is not None)
