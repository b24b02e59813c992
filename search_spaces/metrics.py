"""Metrics beside a target's own, by the names that Keras has for them.

They compare columns with columns: a target is (n, outputs) here, class indices ("sparse") come as one-hot.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from search_spaces.data_spec import DataSpec, Target

_CLASSES: tuple[Target, ...] = ("one_hot",)
_PROBABILITIES: tuple[Target, ...] = (*_CLASSES, "binary", "multi_label")
_NUMBERS: tuple[Target, ...] = ("regression",)

#: Keras's name -> the targets that the metric is for. What needs an argument of its own is not among them.
METRICS: dict[str, tuple[Target, ...]] = {
    "auc": _PROBABILITIES,
    "binary_crossentropy": ("binary", "multi_label"),
    "categorical_crossentropy": _CLASSES,
    "f1_score": _PROBABILITIES,
    "false_negatives": _PROBABILITIES,
    "false_positives": _PROBABILITIES,
    "kl_divergence": _CLASSES,
    "log_cosh_error": _NUMBERS,
    "mape": _NUMBERS,
    "mean_absolute_error": (*_PROBABILITIES, *_NUMBERS),
    "mean_absolute_percentage_error": _NUMBERS,
    "mean_squared_error": (*_PROBABILITIES, *_NUMBERS),
    "mean_squared_logarithmic_error": _NUMBERS,
    "mse": (*_PROBABILITIES, *_NUMBERS),
    "msle": _NUMBERS,
    "precision": _PROBABILITIES,
    "r2_score": _NUMBERS,
    "recall": _PROBABILITIES,
    "top_k_categorical_accuracy": _CLASSES,
    "true_negatives": _PROBABILITIES,
    "true_positives": _PROBABILITIES,
}


def _f1_score(spec: DataSpec) -> keras.metrics.Metric:
    """One number, where Keras gives one a class; a softmax's highest class is the predicted one."""
    threshold = None if spec.target in _CLASSES else 0.5
    return keras.metrics.F1Score(average="macro", threshold=threshold, name="f1_score")


def _auc(spec: DataSpec) -> keras.metrics.Metric:
    """The mean over the classes, where Keras throws all of them together."""
    labels = spec.n_outputs if spec.n_outputs > 1 else None
    return keras.metrics.AUC(multi_label=labels is not None, num_labels=labels, name="auc")


_MADE: dict[str, Callable[[DataSpec], keras.metrics.Metric]] = {"auc": _auc, "f1_score": _f1_score}


def metric(name: str, spec: DataSpec) -> keras.metrics.Metric:
    """A new metric object that bears `name` and gives one number.

    Raises:
        ValueError: `METRICS` does not hold that name for the spec's target.
    """
    if spec.target not in METRICS.get(name, ()):
        raise ValueError(f"metric {name!r} is not for a target of kind {spec.target!r}")
    if name in _MADE:
        return _MADE[name](spec)
    made = keras.metrics.get(name)
    return type(made).from_config({**made.get_config(), "name": name})


def names_for(target: Target) -> tuple[str, ...]:
    """The metrics that a target can have beside its own."""
    return tuple(name for name, targets in METRICS.items() if target in targets)
