"""A grid is walked in the order in which KerasTuner's GridSearch walks it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner
import optuna
import pytest

from sweeps.space.hyperparameters import CheckedHyperParameters, SuggestedHyperParameters, declarations
from sweeps.study.attributes import IDENTITY
from sweeps.study.samplers import make_sampler

pytestmark = pytest.mark.filterwarnings(
    "ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning", "ignore:BruteForceSampler is exp"
)
Declare = Callable[[keras_tuner.HyperParameters], object]


def flat(hp: keras_tuner.HyperParameters) -> None:
    hp.Choice("activation", ["relu", "tanh", "elu"], default="tanh")
    hp.Int("units", 8, 24, step=8, default=16)
    hp.Boolean("bias", default=True)


def stepped(hp: keras_tuner.HyperParameters) -> None:
    hp.Float("dropout", 0.0, 0.5, step=0.25)
    hp.Int("units", 1, 16, sampling="log", step=2)
    hp.Fixed("layers", 3)


def conditional(hp: keras_tuner.HyperParameters) -> None:
    hp.Choice("kind", ["mlp", "cnn", "linear"])
    with hp.conditional_scope("kind", ["mlp"]):
        hp.Int("units", 1, 2)
    with hp.conditional_scope("kind", ["cnn"]):
        hp.Int("filters", 1, 2)
        hp.Choice("pooling", ["max", "mean"])
        with hp.conditional_scope("pooling", ["mean"]):
            hp.Int("size", 2, 3)
    hp.Boolean("bias")


def conditional_by_if(hp: keras_tuner.HyperParameters) -> None:
    kind = hp.Choice("kind", ["mlp", "cnn"])
    with hp.conditional_scope("kind", ["mlp"]):
        if kind == "mlp":
            hp.Int("units", 1, 2)
    with hp.conditional_scope("kind", ["cnn"]):
        if kind == "cnn":
            hp.Int("filters", 1, 3)
    hp.Boolean("bias")


def of_keras_tuner(declare: Declare, folder: Path) -> list[dict[str, Any]]:
    class Tuner(keras_tuner.GridSearch):  # type: ignore[misc]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            declare(trial.hyperparameters)
            return 0.0

    tuner = Tuner(declare, directory=folder)
    tuner.search(verbose=0)
    return [tuner.oracle.trials[name].hyperparameters.values for name in tuner.oracle.start_order]


def begun(declare: Declare) -> optuna.Study:
    study, hp = optuna.create_study(), CheckedHyperParameters()
    declare(hp)
    study.set_user_attr(IDENTITY, {"hyperparameters": declarations(hp)})
    return study


def walked(declare: Declare, study: optuna.Study, trials: int) -> list[dict[str, Any]]:
    """With a sampler for each trial, as workers have it."""
    points, ended = [], list[bool]()
    study.stop = lambda: ended.append(True)  # type: ignore[method-assign]
    while not ended and len(points) < trials:
        study.sampler = sampler = make_sampler("grid", 0, len(points), {"ordered": 1})
        trial = study.ask()
        hp = SuggestedHyperParameters(trial, grid=True, firsts=sampler.firsts)  # type: ignore[attr-defined]
        declare(hp)
        points.append(dict(hp.active_values))
        study.tell(trial, 0.0)
    return points


@pytest.mark.parametrize("declare", [flat, stepped, conditional, conditional_by_if])
def test_the_points_and_their_order_are_keras_tuners(declare: Declare, tmp_path: Path) -> None:
    theirs = of_keras_tuner(declare, tmp_path)
    study = begun(declare)
    ours = walked(declare, study, 5)
    ours += walked(declare, study, 1000)  # continued
    assert len(theirs) > 6
    assert ours == theirs


def test_a_range_without_steps_has_keras_tuners_values_the_default_first_and_the_others_ascending(
    tmp_path: Path,
) -> None:
    def declare(hp: keras_tuner.HyperParameters) -> None:
        hp.Float("rate", 1e-4, 1e-2, sampling="log", default=1e-3)

    theirs = [values["rate"] for values in of_keras_tuner(declare, tmp_path)]  # in the order of a set
    ours = [values["rate"] for values in walked(declare, begun(declare), 1000)]
    assert ours == [1e-3, *sorted(set(theirs) - {1e-3})]
    assert len(ours) == 11


def test_points_that_are_being_tried_are_left_out() -> None:
    study, trials = begun(flat), []
    for number in range(18):
        study.sampler = sampler = make_sampler("grid", 0, number, {"ordered": 1})
        trials.append(study.ask())
        flat(SuggestedHyperParameters(trials[-1], grid=True, firsts=sampler.firsts))  # type: ignore[attr-defined]
        if number % 5 == 4:
            study.tell(trials[number - 3], 0.0)
    points = [tuple(trial.params.values()) for trial in trials]
    assert len(set(points)) == 18
    assert points[:3] == [("tanh", 16, True), ("tanh", 16, False), ("tanh", 8, True)]
