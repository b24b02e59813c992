"""The baselines of one dataset."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from sweeps.baselines.estimators import CLASSIFIERS, REGRESSORS, fitted, predicted
from sweeps.baselines.features import Rows, training_and_validation
from sweeps.baselines.scores import classification_scores, multi_label_scores, regression_scores
from sweeps.data import Dataset
from sweeps.errors import InputError

#: score names that ask for a regression where the target could be classes as well
_OF_NUMBERS = frozenset({"mae", "mean_absolute_error", "mse", "mean_squared_error", "rmse", "root_mean_squared_error"})


@dataclass(frozen=True)
class Baseline:
    """What one model reached.

    Attributes:
        scores: metric -> value on the validation rows.
        seconds: to fit and score.
        reason: why there are no scores.
    """

    name: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    reason: str | None = None


def names_of(data: Dataset, score: str | None) -> tuple[str, ...]:
    """The baselines that `compute` gives, in its order."""
    return tuple(REGRESSORS if _kind(data, score) == "regression" else CLASSIFIERS)


def compute(data: Dataset, score: str | None = None, folds: Sequence[Dataset] = ()) -> Iterator[Baseline]:
    """Fit each baseline to the training rows and score it on the validation rows.

    Args:
        score: the metric that the sweep asks for, as `score_name` gives it; None: the task's own.
        folds: of the data, whose mean scores are wanted; none: the scores of the data's own split.
    """
    kind, splits = _kind(data, score), folds or (data,)
    try:
        pairs = [training_and_validation(split, kind == "regression") for split in splits]
    except InputError as error:
        yield from (Baseline(name, reason=str(error)) for name in names_of(data, score))
        return
    if kind == "one_hot":
        pairs = [(_indices(train), _indices(validation)) for train, validation in pairs]
    for name, make in (REGRESSORS if kind == "regression" else CLASSIFIERS).items():
        begun = time.monotonic()
        try:
            with threadpool_limits(1):  # the cores are the trials'
                scores = [
                    _scores(fitted(make(train), train, kind), validation, kind, split)
                    for split, (train, validation) in zip(splits, pairs, strict=True)
                ]
            yield Baseline(name, _means(scores), time.monotonic() - begun)
        except Exception as error:  # what one model cannot do says nothing about the next
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            yield Baseline(name, seconds=time.monotonic() - begun, reason=reason)


def _means(scores: list[dict[str, float]]) -> dict[str, float]:
    """Of each score that all splits have."""
    shared = set.intersection(*map(set, scores))
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0] if name in shared}


def _kind(data: Dataset, score: str | None) -> str:
    """The kind of the target; "regression" where an error of numbers is asked of what could be classes, too."""
    target = data.train.targets.get("")
    if data.as_given and score in _OF_NUMBERS and target is not None and target.dtype.kind in "iuf":
        return "regression"
    return (data.encoded or data).spec.target


def _indices(rows: Rows) -> Rows:
    """One-hot columns as class indices."""
    return replace(rows, y=rows.y.argmax(axis=1))


def _scores(pipeline: Pipeline, rows: Rows, kind: str, data: Dataset) -> dict[str, float]:
    spec = (data.encoded or data).spec
    answers = predicted(pipeline, rows, kind, len(spec.labels or ()))
    if kind == "regression":
        known = not data.as_given and rows.weight is None and spec.target_variance is not None
        variance = float(np.mean(spec.target_variance)) if known and spec.target_variance else 1.0
        scores = regression_scores(rows.y, answers, 1 / (variance or 1.0) if known else None)
    else:
        scores = (multi_label_scores if kind == "multi_label" else classification_scores)(rows.y, answers)
        if data.as_given or rows.weight is not None:  # the loss is one that is not known here
            del scores["loss"]
    return {name: value for name, value in scores.items() if np.isfinite(value)}
