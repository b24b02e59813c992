"""Additional metrics by Keras's names.

They need a target with columns, (n, outputs); class indices ("sparse") are converted to one-hot before.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from search_spaces.data_spec import DataSpec, Target

_CLASSES: tuple[Target, ...] = ("one_hot",)
_PROBABILITIES: tuple[Target, ...] = (*_CLASSES, "binary", "multi_label")
_NUMBERS: tuple[Target, ...] = ("regression",)

#: Keras's name -> the kinds of target that the metric is for; without metrics that need arguments
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
    """The mean over classes, where Keras gives a number per class; of a softmax the highest class is predicted."""
    threshold = None if spec.target in _CLASSES else 0.5
    return keras.metrics.F1Score(average="macro", threshold=threshold, name="f1_score")


def _auc(spec: DataSpec) -> keras.metrics.Metric:
    """The mean over classes, where Keras flattens them."""
    labels = spec.n_outputs if spec.n_outputs > 1 else None
    return keras.metrics.AUC(multi_label=labels is not None, num_labels=labels, name="auc")


_WITH_ARGUMENTS: dict[str, Callable[[DataSpec], keras.metrics.Metric]] = {"auc": _auc, "f1_score": _f1_score}


def metric(name: str, spec: DataSpec) -> keras.metrics.Metric:
    """A new metric named `name` with a scalar result.

    Raises:
        ValueError: `METRICS` has no such name for the spec's target.
    """
    if spec.target not in METRICS.get(name, ()):
        raise ValueError(f"metric {name!r} is not for a target of kind {spec.target!r}")
    if name in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[name](spec)
    default = keras.metrics.get(name)
    return type(default).from_config({**default.get_config(), "name": name})


def names_for(target: Target) -> tuple[str, ...]:
    """The names of the additional metrics for a kind of target."""
    return tuple(name for name, targets in METRICS.items() if target in targets)
