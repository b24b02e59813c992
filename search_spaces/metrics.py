"""Additional metrics by Keras's names.

They need a target with columns, (n, outputs); class indices ("sparse") are converted to one-hot before.
"""

from __future__ import annotations

from collections.abc import Callable

import keras

from search_spaces.data_spec import DataSpec
from search_spaces.metric_names import METRICS


def _f1_score(spec: DataSpec) -> keras.metrics.Metric:
    """The mean over classes, where Keras gives a number per class; of a softmax the highest class is predicted."""
    threshold = None if spec.target == "one_hot" else 0.5
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
