"""What a target is taken for, and why, in one line: of the start of a sweep, `sweeps data` and `sweeps status`."""

from __future__ import annotations

import numpy as np

from sweeps.data.dataset import Array
from sweeps.data.source import DataSource
from sweeps.data.targets import EncodedTarget
from sweeps.errors import shortened

#: up to this many different whole numbers are taken for classes without advice
FEW_CLASSES = 10
#: more different whole numbers than these are hardly classes
MOST_POSSIBLE_CLASSES = 200


def named_task(kind: str, outputs: int, labels: tuple[str, ...] | None) -> str:
    """A task in words: ``3 classes``, ``2 classes, 'no' and 'yes'``.

    Args:
        kind: see `DataSpec.target`.
        outputs: of a model for it.
        labels: of the classes.
    """
    if kind == "regression":
        return "regression" if outputs == 1 else f"regression of {outputs} numbers"
    if kind == "multi_label":
        return f"{outputs} labels, any number of them in a row"
    if labels is not None and len(labels) == 2:
        return f"2 classes, {labels[0]!r} and {labels[1]!r}"
    return f"{len(labels or ()) or outputs} classes"


def task_of(target: EncodedTarget, y: Array, source: DataSource, has_names: bool = False) -> str:
    """The task and what it was taken from, with the option for another one where the values leave that open.

    Args:
        target: of all rows.
        y: the same before it was encoded, (n,) or (n, k).
        source: its target column and the task that was asked for.
        has_names: whether the source has names for the classes, of which `y` has the numbers.
    """
    subject = "target" if source.target is None else f"column {source.target!r}"
    asked = "" if source.task is None else ", as asked"
    # a model of one's own decides by its loss
    is_settled = source.task is not None or has_names or source.as_given
    advice = "" if is_settled else _advice(target, y)
    task = named_task(target.kind, target.n_outputs, target.labels)
    return f"{task}{asked} ({subject}: {_values(y)}{advice})"


def _values(y: Array) -> str:
    """What the target consists of: ``3 different texts``, ``412 different decimals``, ``5 different whole numbers``."""
    if y.ndim > 1 and y.shape[1] > 1:
        return f"{y.shape[1]} columns of {'0 and 1' if bool(((y == 0) | (y == 1)).all()) else 'numbers'}"
    if y.dtype.kind == "b":
        return "true and false"
    count = len(np.unique(y))
    if y.dtype.kind not in "iuf":
        return f"{count} different texts"
    if not _is_whole(y):
        return f"{count} different decimals"
    return f"{count} different whole numbers{' with a decimal point' if y.dtype.kind == 'f' else ''}"


def _advice(target: EncodedTarget, y: Array) -> str:
    """For numbers that may be meant otherwise: months taken for classes; classes as floats, or with few rows each."""
    if y.dtype.kind not in "iuf" or y.size != len(y) or not _is_whole(y):
        return ""
    values = np.unique(y)
    if target.kind == "sparse" and len(values) > FEW_CLASSES:
        return '; if they are a quantity: --task regression (task="regression")'
    if target.kind == "regression" and len(values) <= MOST_POSSIBLE_CLASSES and len(y) >= 2 * len(values):
        shown = shortened([str(value) for value in values])
        return f', {shown}; if they are classes: --task classification (task="classification")'
    return ""


def _is_whole(y: Array) -> bool:
    return bool(np.equal(np.mod(y, 1), 0).all())
