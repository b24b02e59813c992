"""Label smoothing as a hyperparameter of training (Szegedy et al., 2015, arXiv:1512.00567).

The training labels are smoothed, not the loss: the validation loss is that of the true classes, and the model is saved
with the loss that `search_spaces.heads` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import keras_tuner
import numpy as np

from search_spaces.data_spec import DataSpec
from search_spaces.heads import compile_arguments

Array = np.ndarray[Any, Any]

SMOOTHINGS = (0.0, 0.05, 0.1, 0.2)

#: hyperparameter -> the values that are searched unless `--set` names it; 0.1 helps on images and not on tables
#: (`docs/benchmarks.md`)
KEPT = {"label_smoothing": "0"}


def label_smoothing(hp: keras_tuner.HyperParameters, spec: DataSpec, y: Any, given: Mapping[str, Any]) -> float:
    """Draw `label_smoothing` where there are at least three classes, and labels and validation rows are arrays.

    Args:
        hp: a trial's hyperparameters.
        spec: the description of the data.
        y: the training labels.
        given: the keyword arguments of `fit`.

    Returns:
        The part of each label that is spread over all classes; 0 where nothing is drawn.
    """
    validation = given.get("validation_data")
    labels = [y] if validation is None else [y, validation[1]] if isinstance(validation, tuple | list) else []
    arrays = bool(labels) and all(isinstance(one, np.ndarray) for one in labels)
    if spec.target not in ("sparse", "one_hot") or spec.n_outputs < 3 or not arrays or given.get("validation_split"):
        return 0.0
    return float(hp.Choice("label_smoothing", list(SMOOTHINGS)))


def fit_smoothed(
    model: keras.Model, spec: DataSpec, smoothing: float, x: Any, y: Array, **given: Any
) -> keras.callbacks.History:
    """`model.fit` with smoothed training labels; the model is compiled for one-hot labels meanwhile.

    Args:
        model: compiled for the spec.
        spec: the description of the data.
        smoothing: see `label_smoothing`.
        x: the training inputs.
        y: (n,) or (n, classes), the training labels.
        given: further arguments of `fit`.
    """
    if (validation := given.get("validation_data")) is not None:
        given["validation_data"] = (validation[0], _one_hot(validation[1], spec), *validation[2:])
    smoothed = _one_hot(y, spec) * np.float32(1 - smoothing) + np.float32(smoothing / spec.n_outputs)
    model.compile(model.optimizer, **compile_arguments(replace(spec, target="one_hot")))
    try:
        return model.fit(x, smoothed, **given)
    finally:
        model.compile(model.optimizer, **compile_arguments(spec))


def _one_hot(y: Array, spec: DataSpec) -> Array:
    """Labels as float32 (n, classes)."""
    if spec.target == "one_hot":
        return y.astype(np.float32)
    classes: Array = keras.utils.to_categorical(y, spec.n_outputs).astype(np.float32)
    return classes
