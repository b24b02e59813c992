"""The names of Keras's metrics that a registered space takes beside its own; without Keras's import."""

from __future__ import annotations

from search_spaces.data_spec import Target

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


def names_for(target: Target) -> tuple[str, ...]:
    """The names of the additional metrics for a kind of target."""
    return tuple(name for name, targets in METRICS.items() if target in targets)
