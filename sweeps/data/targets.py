"""The kind of a target, and its encoding for a loss.

Without a `task` the kind is inferred from the values:

    text, booleans, floats that are only 0 and 1    classes (two: binary, more: sparse)
    integers                                        classes, unless there are more than 20 different ones with
                                                    fewer than 20 rows each on average: counts or measurements,
                                                    so regression
    other numbers (n,) or (n, k)                    regression
    0 and 1 in (n, k), one 1 in every row           one-hot
    0 and 1 in (n, k)                               multi-label

Integers need not start at 0 or be consecutive: classes are numbered in ascending order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search_spaces.data_spec import Target
from sweeps.data.arrays import from_objects
from sweeps.data.dataset import Array
from sweeps.errors import InputError

MAX_INTEGER_CLASSES = 20
MIN_ROWS_PER_CLASS = 20


@dataclass(frozen=True, eq=False)
class EncodedTarget:
    """A target as a loss takes it.

    Attributes:
        y: int32 (n,) for sparse and binary targets, float32 (n,) or (n, k) otherwise.
        kind: see `DataSpec`.
        n_outputs: the number of outputs of a model.
        labels: the class names, or None.
    """

    y: Array
    kind: Target
    n_outputs: int
    labels: tuple[str, ...] | None

    def classes(self) -> Array | None:
        """The class index of each row, int (n,); None where a row has no single class."""
        if self.kind in ("sparse", "binary"):
            return self.y
        return np.argmax(self.y, axis=1) if self.kind == "one_hot" else None


def encode(y: Array, task: str | None = None, labels: tuple[str, ...] | None = None) -> EncodedTarget:
    """Encode a target.

    Args:
        y: (n,) or (n, k) text, booleans or numbers.
        task: see `DataSource.task`.
        labels: the names of the classes 0, 1, …; None: the values are the names.

    Raises:
        InputError: missing values, a single class, a wrong rank or dtype, or values that do not fit the task.
    """
    y = _checked(y)
    if y.ndim == 1:
        if task == "multi_label":
            raise InputError(f"target: the task 'multi_label' needs a target of shape (rows, labels), got {y.shape}")
        return _encode_classes(y, labels) if _are_classes(y, task) else _encode_quantity(y)
    if task != "regression" and bool(((y == 0) | (y == 1)).all()):
        return _encode_indicators(y, task, labels)
    if task in ("classification", "multi_label"):
        raise InputError(
            f"target: the task {task!r} needs only 0 and 1 in a target of shape {y.shape}, got {_sample(y)}"
        )
    return _encode_quantity(y)


def _checked(y: Array) -> Array:
    y = from_objects("target", y)
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    if y.dtype.kind not in "Ubiuf":
        raise InputError(f"target: text, booleans or numbers are needed, got dtype {y.dtype}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2) or 0 in y.shape or (y.ndim == 2 and y.dtype.kind == "U"):
        raise InputError(f"target: shape (rows,), or (rows, outputs) of numbers, is needed, got {y.shape} of {y.dtype}")
    if y.dtype.kind == "f" and (bad := int((~np.isfinite(y)).sum())):
        raise InputError(f"target: every value must be present and finite, got {bad} NaN or infinite of {y.size}")
    return y


def _are_classes(y: Array, task: str | None) -> bool:
    if y.dtype.kind in "Ub":
        if task == "regression" and y.dtype.kind == "U":
            raise InputError(f"target: the task 'regression' needs numbers, got text such as {_sample(y)}")
        return task != "regression"
    if task == "classification":
        if not (np.equal(np.mod(y, 1), 0).all() and np.abs(y).max() < 2**53):
            raise InputError(f"target: the task 'classification' needs text or whole numbers, got {_sample(y)}")
        return True
    if task == "regression":
        return False
    values = np.unique(y)
    if y.dtype.kind == "f":
        return bool(np.isin(values, (0, 1)).all())
    return not (len(values) > MAX_INTEGER_CLASSES and len(y) < MIN_ROWS_PER_CLASS * len(values))


def _encode_classes(y: Array, labels: tuple[str, ...] | None) -> EncodedTarget:
    if y.dtype.kind == "f":
        y = y.astype(np.int64)
    values, indices = np.unique(y, return_inverse=True)
    if labels is None:
        labels = tuple(map(str, values))
    else:
        indices = y
        if values[0] < 0 or values[-1] >= len(labels):
            raise InputError(
                f"target: class numbers 0 to {len(labels) - 1} are needed, got {values[0]} to {values[-1]}"
            )
    if len(values) < 2:
        raise InputError(f"target: two classes or more are needed, got only {str(values[0])!r}")
    kind: Target = "binary" if len(labels) == 2 else "sparse"
    return EncodedTarget(indices.astype(np.int32), kind, 1 if kind == "binary" else len(labels), labels)


def _encode_indicators(y: Array, task: str | None, labels: tuple[str, ...] | None) -> EncodedTarget:
    if not (y != y[0]).any():
        raise InputError(f"target: rows that differ are needed, got {_sample(y[0])} in every row")
    is_one_hot = bool((y.sum(axis=1) == 1).all())
    kind: Target = "one_hot" if is_one_hot and task != "multi_label" else "multi_label"
    columns = y.shape[1]
    return EncodedTarget(y.astype(np.float32), kind, columns, labels or tuple(map(str, range(columns))))


def _encode_quantity(y: Array) -> EncodedTarget:
    with np.errstate(over="ignore"):
        numbers = y.astype(np.float32)
    if not np.isfinite(numbers).all():
        raise InputError(f"target: numbers that fit in float32 (below 3.4e38) are needed, got {float(np.abs(y).max())}")
    if not (numbers != numbers[0]).any():
        raise InputError(f"target: values that differ are needed, got {_sample(y[:1])} in every row")
    return EncodedTarget(numbers, "regression", 1 if y.ndim == 1 else y.shape[1], None)


def _sample(y: Array) -> str:
    return ", ".join(repr(value) for value in y.ravel()[:3].tolist())
