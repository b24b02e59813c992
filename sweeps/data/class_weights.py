"""`--class-weight`: the weight of each class in the training loss."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.data import Array, Dataset
from sweeps.errors import InputError, shortened
from sweeps.system.file_checks import check_file

BALANCED = "balanced"
_WANTED = 'balanced, {"CLASS": WEIGHT, …} or a .json file with that is needed'
_HIGHEST = float(np.finfo(np.float32).max)


def parse(value: object) -> str | dict[str, float]:
    """Parse `balanced`, or weights by class: a dictionary, its JSON, or the path of a .json file with it.

    Raises:
        ValueError: the value is none of these, or a weight is no finite number of at least 0.
    """
    if value == BALANCED:
        return BALANCED
    weights = _read(value) if isinstance(value, str) else value
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
        except (InputError, OSError, UnicodeDecodeError) as error:
            raise ValueError(getattr(error, "strerror", None) or str(error)) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_WANTED) from None


@lru_cache(maxsize=20)  # a study may have as many folds
def row_weights(weighting: str | tuple[tuple[str, float], ...], data: Dataset) -> Array:
    """The weight of each training row, float32 (n,): the weight of its class times its sample weight.

    Keras derives such weights from `class_weight` too, but not beside sample weights nor for several outputs. All
    trials of a process share one array, and so one tensor.

    Args:
        weighting: see `class_weights`; the dictionary as its items.
        data: the dataset.

    Raises:
        InputError: see `class_weights`, or all rows have weight 0.
    """
    data = data.encoded or data
    weights = class_weights(weighting if isinstance(weighting, str) else dict(weighting), data)
    table = np.array([weights.get(index, 1.0) for index in range(len(data.spec.labels or ()))], np.float32)
    weights_of_rows: Array = table[_classes(data)]
    if (own := data.train.sample_weight) is not None:
        weights_of_rows = weights_of_rows.reshape(-1, *[1] * (own.ndim - 1)) * own
    if not weights_of_rows.any():
        raise InputError(f"class_weight: a training row with a weight above 0 is needed, got {weights}")
    return weights_of_rows


def class_weights(weighting: str | Mapping[str, float], data: Dataset) -> dict[int, float]:
    """The weight of each class index, as Keras's `class_weight`; classes without an entry have weight 1.

    Args:
        weighting: `balanced`, which is rows / (classes * rows of the class), or weights by class name. Where a key is
            no class name, all keys are class indices.
        data: the dataset.

    Raises:
        InputError: the target has no classes, or a key is no class.
    """
    labels = data.spec.labels
    if labels is None or data.spec.target == "multi_label":
        raise InputError(f"class_weight: a target with one class a row is needed, got {data.spec.target}")
    if isinstance(weighting, str):
        return _balanced(data)
    indices = {str(index): index for index in range(len(labels))}
    by_name = {label: index for index, label in enumerate(labels)}
    known = by_name if weighting.keys() <= by_name.keys() or not weighting.keys() <= indices.keys() else indices
    for name in weighting:
        if name not in known:
            raise InputError(f"class_weight: unknown class {name!r}\nThere are {shortened(labels, 20)}")
    return {known[name]: weight for name, weight in weighting.items()}


def _balanced(data: Dataset) -> dict[int, float]:
    from sklearn.utils.class_weight import compute_class_weight  # 0.5 s, which few sweeps need

    y = _classes(data)
    classes = np.unique(y)
    return dict(zip(classes.tolist(), compute_class_weight(BALANCED, classes=classes, y=y).tolist(), strict=True))


def _classes(data: Dataset) -> Array:
    """The class index of each training row."""
    y: Array = data.train.y
    return np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
