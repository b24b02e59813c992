"""The metrics of a baseline, by the names that Keras gives to those of a model."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from sweeps.data.dataset import Array

_EPSILON = 1e-7  # as keras.config.epsilon()


def classification_scores(y: Array, probabilities: Array) -> dict[str, float]:
    """Scores of class indices (n,) and probabilities (n, classes); of two classes the second is the positive one."""
    n_classes = probabilities.shape[1]
    indicators = np.eye(n_classes)[y]
    chosen = probabilities.argmax(axis=1)
    accuracy = float((chosen == y).mean())
    entropy = float(-np.log(np.clip(probabilities[np.arange(len(y)), y], _EPSILON, 1 - _EPSILON)).mean())
    names = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")
    scores = dict.fromkeys(names, accuracy)
    scores |= {"loss": entropy, "f1_score": float(metrics.f1_score(y, chosen, average="macro", zero_division=0.0))}
    scores |= dict.fromkeys(
        ("binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy"), entropy
    )
    if n_classes == 2:
        scores["f1_score"] = float(metrics.f1_score(y, chosen, zero_division=0.0))
        return scores | _hits(y, chosen) | _area(y[:, None], probabilities[:, 1:])
    # as Keras does it: a class is predicted where its probability is above one half
    return scores | _hits(indicators.ravel(), (probabilities > 0.5).ravel()) | _area(indicators, probabilities)


def multi_label_scores(y: Array, probabilities: Array) -> dict[str, float]:
    """Scores of 0 and 1 (n, labels) and probabilities (n, labels)."""
    chosen = probabilities > 0.5
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    entropy = float(-(y * np.log(clipped) + (1 - y) * np.log(1 - clipped)).mean())
    scores = dict.fromkeys(("accuracy", "binary_accuracy"), float((chosen == y).mean()))
    scores |= dict.fromkeys(("loss", "binary_crossentropy"), entropy)
    scores["f1_score"] = float(metrics.f1_score(y, chosen, average="macro", zero_division=0.0))
    return scores | _hits(y.ravel(), chosen.ravel()) | _area(y, probabilities)


def regression_scores(y: Array, predictions: Array, loss_weight: float | None) -> dict[str, float]:
    """Scores of numbers (n,) or (n, outputs).

    Args:
        loss_weight: of the mean squared error in the loss of the registered spaces; None: the loss is not known.
    """
    y = y.astype(np.float64)
    square = float(metrics.mean_squared_error(y, predictions))
    scores = dict.fromkeys(("mse", "mean_squared_error"), square)
    scores |= dict.fromkeys(("rmse", "root_mean_squared_error"), square**0.5)
    scores |= dict.fromkeys(("mae", "mean_absolute_error"), float(metrics.mean_absolute_error(y, predictions)))
    scores["r2_score"] = float(metrics.r2_score(y, predictions)) if len(y) > 1 else float("nan")
    return scores if loss_weight is None else scores | {"loss": square * loss_weight}


def _hits(y: Array, chosen: Array) -> dict[str, float]:
    return {
        "precision": float(metrics.precision_score(y, chosen, zero_division=0.0)),
        "recall": float(metrics.recall_score(y, chosen, zero_division=0.0)),
    }


def _area(indicators: Array, probabilities: Array) -> dict[str, float]:
    """The area under the ROC curve, the mean over columns with both values."""
    both = [column for column in range(indicators.shape[1]) if 0 < indicators[:, column].sum() < len(indicators)]
    areas = [metrics.roc_auc_score(indicators[:, column], probabilities[:, column]) for column in both]
    return {"auc": float(np.mean(areas))} if areas else {}
