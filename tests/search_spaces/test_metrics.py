"""Metrics by Keras's names, beside a target's own: one number each, the one that scikit-learn gives too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import keras
import keras_tuner
import numpy as np
import pytest
from as_in_trials import train
from sklearn.metrics import f1_score, r2_score, roc_auc_score

from search_spaces import DataSpec, Target
from search_spaces.metrics import metric, names_for
from search_spaces.registry import SPACES

Problem = Callable[[Target], tuple[DataSpec, Any, Any]]


def trained(problem: Problem, target: Target, names: tuple[str, ...], space: str = "mlp") -> tuple[Any, Any, Any, Any]:
    """A trained model with extra metrics, its logs, the images and the target."""
    spec, x, y = problem(target)
    y = y if y.ndim > 1 else y[:, None]
    family, hp = SPACES[space](replace(spec, metrics=names)), keras_tuner.HyperParameters()
    keras.utils.set_random_seed(0)
    model = family.build(hp)
    history = train(family, hp, model, x, y, validation_data=(x, y), epochs=2)
    return model, {name: values[-1] for name, values in history.items()}, x, y


@pytest.mark.parametrize("target", [target for target in get_args(Target) if target != "sparse"])
def test_every_metric_of_a_target_is_one_number_in_each_epochs_logs(target: Target, problem: Problem) -> None:
    names = names_for(target)
    _, logs, _, _ = trained(problem, target, names)
    assert {f"{where}{name}" for where in ("", "val_") for name in names} <= set(logs)
    assert all(np.ndim(value) == 0 and np.isfinite(value) for value in logs.values())


def test_of_classes_f1_and_auc_are_means_over_the_classes(problem: Problem) -> None:
    model, logs, x, y = trained(problem, "one_hot", ("f1_score", "auc"))
    y = y.argmax(axis=1)
    probabilities = model.predict(x, verbose=0)
    assert logs["val_f1_score"] == pytest.approx(f1_score(y, probabilities.argmax(axis=1), average="macro"), abs=1e-5)
    assert logs["val_auc"] == pytest.approx(roc_auc_score(y, probabilities, multi_class="ovr"), abs=0.01)
    assert logs["val_accuracy"] == pytest.approx((probabilities.argmax(axis=1) == y).mean(), abs=1e-5)


def test_of_two_classes_f1_is_that_of_the_second(problem: Problem) -> None:
    model, logs, x, y = trained(problem, "binary", ("f1_score",))
    assert logs["val_f1_score"] == pytest.approx(f1_score(y[:, 0], model.predict(x, verbose=0)[:, 0] > 0.5), abs=1e-5)


def test_of_numbers_r2_is_in_the_targets_own_units(problem: Problem) -> None:
    model, logs, x, y = trained(problem, "regression", ("r2_score",))
    assert logs["val_r2_score"] == pytest.approx(r2_score(y, model.predict(x, verbose=0)[:, 0]), abs=1e-4)


def test_both_outputs_of_an_auxiliary_model_bear_them(problem: Problem) -> None:
    _, logs, _, _ = trained(problem, "one_hot", ("f1_score",), "wide_and_deep_auxiliary")
    assert {"val_output_f1_score", "val_auxiliary_f1_score"} <= set(logs)


def test_a_metric_of_another_target_is_refused(problem: Problem) -> None:
    with pytest.raises(ValueError, match="metric 'r2_score' is not for a target of kind 'sparse'"):
        metric("r2_score", problem("sparse")[0])
