"""The estimators, in the order in which they are fitted: the cheapest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline

from sweeps.baselines.features import Rows, linear_encoding, text_columns, tree_encoding
from sweeps.data.dataset import Array

#: name -> function of the rows, which returns a pipeline whose last step is "model"
Estimators = dict[str, Callable[[Rows], Pipeline]]


def _dummy(model: Any) -> Callable[[Rows], Pipeline]:
    return lambda rows: Pipeline([("model", model)])


def _linear(model: Any) -> Callable[[Rows], Pipeline]:
    return lambda rows: Pipeline([("encode", linear_encoding()), ("model", model)])


def _trees(model: Any) -> Callable[[Rows], Pipeline]:
    def pipeline(rows: Rows) -> Pipeline:
        chosen = clone(model).set_params(categorical_features=text_columns(rows.x) or None)
        return Pipeline([("encode", tree_encoding()), ("model", chosen)])

    return pipeline


CLASSIFIERS: Estimators = {
    "majority_class": _dummy(DummyClassifier()),
    "logistic_regression": _linear(LogisticRegression(max_iter=300)),
    "gradient_boosting": _trees(HistGradientBoostingClassifier(random_state=0)),
}

REGRESSORS: Estimators = {
    "mean": _dummy(DummyRegressor()),
    "ridge": _linear(Ridge()),
    "gradient_boosting": _trees(HistGradientBoostingRegressor(random_state=0)),
}


def fitted(pipeline: Pipeline, rows: Rows, kind: str) -> Pipeline:
    """The pipeline, fitted to training rows.

    Args:
        kind: of the target, see `DataSpec`; several labels or columns get a model each where the model needs that.
    """
    model = pipeline.named_steps["model"]
    if rows.y.ndim == 2 and kind == "multi_label":
        pipeline.set_params(model=MultiOutputClassifier(model))
    elif rows.y.ndim == 2 and isinstance(model, HistGradientBoostingRegressor):
        pipeline.set_params(model=MultiOutputRegressor(model))
    weighted = {} if rows.weight is None else {"model__sample_weight": rows.weight}
    return pipeline.fit(rows.x, rows.y, **weighted)


def predicted(pipeline: Pipeline, rows: Rows, kind: str, n_classes: int) -> Array:
    """What a Keras model of this target would give, float64.

    Returns:
        Probabilities (n, classes) for one-hot classes, (n, labels) for multi-label; numbers (n,) or (n, outputs) for
        a regression.
    """
    if kind == "regression":
        return np.asarray(pipeline.predict(rows.x))
    if kind == "multi_label":
        answers = pipeline.predict_proba(rows.x)
        known = pipeline.named_steps["model"].classes_
        return np.stack([_columns(a, c, 2)[:, 1] for a, c in zip(answers, known, strict=True)], axis=1)
    return _columns(pipeline.predict_proba(rows.x), pipeline.classes_, n_classes)


def _columns(probabilities: Array, classes: Array, n_classes: int) -> Array:
    """A column for each class; 0 for those that no training row has."""
    whole = np.zeros((len(probabilities), n_classes))
    whole[:, np.asarray(classes, int)] = probabilities
    return whole
