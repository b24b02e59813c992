"""What a model reaches on rows that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, r2_score

from sweeps.data import Array
from sweeps.model.outputs import Head
from sweeps.study.attributes import DATA

#: of the distribution of errors
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BATCH = 1024


def figures(model: Any, rows: tuple[Any, ...], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The figures, as JSON values.

    Args:
        model: a Keras model.
        rows: `(x, y)` or `(x, y, sample_weight)`; weights change the model's own metrics, nothing else.
        attributes: the study's.

    Returns:
        "rows", their number; "metrics", the model's own, by name. For one class a row also "accuracy" with its Wilson
        "interval" (95 %), "classes" (name, precision, recall, support) and "confusion" (a row for each true class);
        for a regression "r2", "rmse", "mae", "absolute_error" and "residuals" (true minus predicted) by quantile.
    """
    from sweeps.training import as_tensors

    x, y, *weights = rows
    found: dict[str, Any] = {"rows": _count(y), "metrics": {}}
    tensors = as_tensors(x)
    if model.compiled:
        scores = model.evaluate(tensors, y, sample_weight=weights[0] if weights else None, return_dict=True, verbose=0)
        found["metrics"] = {name: _finite(value) for name, value in scores.items()}
    if not isinstance(y, np.ndarray):
        return found
    head, labels = _head(model, attributes)
    outputs = model.predict(tensors, batch_size=_BATCH, verbose=0)
    if _has_one_class(head, attributes):
        return found | _of_classes(head, outputs, y, labels)
    if head.gives == "value" and attributes[DATA]["target"] == "regression":
        return found | _of_numbers(np.asarray(head.main(outputs), np.float64), y.astype(np.float64))
    return found


def of_each_row(
    model: Any, rows: tuple[Any, ...], attributes: Mapping[str, Any]
) -> tuple[list[str], list[dict[str, Any]]] | None:
    """The true class and the prediction of each row, see `Head.rows`; None where rows have not one class each.

    Args:
        model, rows, attributes: see `figures`.
    """
    from sweeps.training import as_tensors

    y = rows[1]
    head, labels = _head(model, attributes)
    if not isinstance(y, np.ndarray) or not _has_one_class(head, attributes):
        return None
    outputs = model.predict(as_tensors(rows[0]), batch_size=_BATCH, verbose=0)
    return _names(y, labels), head.rows(outputs, labels)


def _head(model: Any, attributes: Mapping[str, Any]) -> tuple[Head, Sequence[str] | None]:
    """The model's main output, and the class names."""
    from sweeps.model.heads import class_names, head_of
    from sweeps.model.signature import signature_of

    data = attributes[DATA]
    labels = class_names(data)
    return head_of(model, signature_of(model, data), data["target"], labels), labels


def _has_one_class(head: Head, attributes: Mapping[str, Any]) -> bool:
    return head.gives == "class" and attributes[DATA]["target"] in ("sparse", "one_hot", "binary")


def _names(y: Array, labels: Sequence[str] | None) -> list[str]:
    return [labels[index] if labels else str(index) for index in _indices(y, labels)]


def _of_classes(head: Head, outputs: Any, y: Array, labels: Sequence[str] | None) -> dict[str, Any]:
    predicted = [row["class"] for row in head.rows(outputs, labels)]
    true = _names(y, labels)
    names = list(labels or sorted({*true, *predicted}))
    right = sum(one == other for one, other in zip(true, predicted, strict=True))
    interval = binomtest(right, len(true)).proportion_ci(method="wilson")
    by_class = precision_recall_fscore_support(true, predicted, labels=names, zero_division=0)
    return {
        "accuracy": right / len(true),
        "interval": [float(interval.low), float(interval.high)],
        "classes": [
            {"class": name, "precision": float(precision), "recall": float(recall), "support": int(support)}
            for name, precision, recall, _, support in zip(names, *by_class, strict=True)
        ],
        "confusion": confusion_matrix(true, predicted, labels=names).tolist(),
    }


def _indices(y: Array, labels: Sequence[str] | None) -> list[int]:
    """The class index of each row."""
    if y.ndim == 2 and y.shape[1] > 1:
        return [int(index) for index in np.argmax(y, axis=1)]
    column = y.reshape(-1)
    if len(labels or ()) == 2:  # 0 and 1, or the -1 and 1 of a hinge loss
        threshold = 0.5 if column.min() >= 0 else 0.0
        return [int(value > threshold) for value in column]
    return [int(value) for value in column]


def _of_numbers(predicted: Array, y: Array) -> dict[str, Any]:
    residuals = y.reshape(-1) - predicted.reshape(-1)
    r2 = r2_score(y.reshape(len(y), -1), predicted.reshape(len(y), -1)) if len(y) > 1 else math.nan
    return {
        "r2": _finite(r2),
        "rmse": _finite(np.sqrt(np.mean(residuals**2))),
        "mae": _finite(np.mean(np.abs(residuals))),
        "absolute_error": _quantiles(np.abs(residuals)),
        "residuals": _quantiles(residuals),
    }


def _quantiles(values: Array) -> dict[str, float | None]:
    return {str(share): _finite(value) for share, value in zip(QUANTILES, np.quantile(values, QUANTILES), strict=True)}


def _count(y: Any) -> int:
    first = next(iter(y.values())) if isinstance(y, dict) else y[0] if isinstance(y, list) else y
    return len(first)


def _finite(value: Any) -> float | None:
    """As a number of JSON."""
    number = float(value)
    return number if math.isfinite(number) else None
