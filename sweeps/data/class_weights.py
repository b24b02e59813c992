"""`--class-weight`: how much the rows of each class weigh in the training loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.data import Array, Dataset
from sweeps.errors import InputError
from sweeps.system.file_checks import check_file

BALANCED = "balanced"
_WANTED = 'balanced, {"CLASS": WEIGHT, …} or a .json file of that is wanted'
_HIGHEST = float(np.finfo(np.float32).max)


def parse(given: object) -> str | dict[str, float]:
    """`balanced`, or weights by class: a dictionary, its JSON, or the path of a .json file that holds it.

    Raises:
        ValueError: it is neither, or a weight is no finite number of at least 0.
    """
    if given == BALANCED:
        return BALANCED
    weights = _read(given) if isinstance(given, str) else given
    if not isinstance(weights, Mapping) or not weights:
        raise ValueError(_WANTED)
    for name, weight in weights.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= _HIGHEST:
            raise ValueError(f"a weight is a finite number of at least 0, class {name!r} has {str(weight)[:20]!r}")
    return {str(name): float(weight) for name, weight in weights.items()}


def _read(text: str) -> Any:
    if text.endswith(".json"):
        try:
            check_file(Path(text))
            text = Path(text).read_text(encoding="utf-8")
        except (InputError, OSError, UnicodeDecodeError) as wrong:
            raise ValueError(getattr(wrong, "strerror", None) or str(wrong)) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_WANTED) from None


@lru_cache(maxsize=2)
def row_weights(asked: str | tuple[tuple[str, float], ...], data: Dataset) -> Array:
    """The weight of each training row, float32 (n,): its class's times its own.

    Keras makes such weights of a `class_weight` too, but takes none beside sample weights, nor for several outputs.
    One array serves all trials of a process, so that the tensor made of it does as well.

    Raises:
        InputError: as `class_weights`, or no row weighs anything.
    """
    data = data.encoded or data
    weights = class_weights(asked if isinstance(asked, str) else dict(asked), data)
    table = np.array([weights.get(index, 1.0) for index in range(len(data.spec.labels or ()))], np.float32)
    weights_of_rows: Array = table[_classes(data)]
    if (own := data.train.sample_weight) is not None:
        weights_of_rows = weights_of_rows.reshape(-1, *[1] * (own.ndim - 1)) * own
    if not weights_of_rows.any():
        raise InputError(f"class_weight: some training row must weigh more than 0, got {weights}")
    return weights_of_rows


def class_weights(asked: str | Mapping[str, float], data: Dataset) -> dict[int, float]:
    """The weight of each class index, as Keras's `class_weight`; classes that are not named weigh 1.

    Args:
        asked: `balanced`, rows / (classes * rows of the class), or weights by class. Classes are called as the data
            calls them or, where not all keys are such names, by their indices.

    Raises:
        InputError: the target has no classes, or an unknown class is named.
    """
    labels = data.spec.labels
    if labels is None or data.spec.target == "multi_label":
        raise InputError(f"class_weight: a target with one class a row is needed, got {data.spec.target}")
    if isinstance(asked, str):
        return _balanced(data)
    indices = {str(index): index for index in range(len(labels))}
    by_name = {label: index for index, label in enumerate(labels)}
    known = by_name if asked.keys() <= by_name.keys() or not asked.keys() <= indices.keys() else indices
    for name in asked:
        if name not in known:
            classes = ", ".join(labels[:20]) + (f" and {len(labels) - 20} more" if labels[20:] else "")
            raise InputError(f"class_weight: unknown class {name!r}\nThere are {classes}")
    return {known[name]: weight for name, weight in asked.items()}


def _balanced(data: Dataset) -> dict[int, float]:
    from sklearn.utils.class_weight import compute_class_weight  # half a second that few sweeps need

    y = _classes(data)
    classes = np.unique(y)
    return dict(zip(classes.tolist(), compute_class_weight(BALANCED, classes=classes, y=y).tolist(), strict=True))


def _classes(data: Dataset) -> Array:
    """The class index of each training row."""
    y: Array = data.train.y
    return np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
