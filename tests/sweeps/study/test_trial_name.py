"""The names of trials in MLflow."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import create_trial

from sweeps.study.attributes import CONTINUES, REPETITION
from sweeps.study.trial_name import short, trial_name

RATE = FloatDistribution(1e-5, 1e-1, log=True)


def a_trial(params: dict[str, Any], **attributes: Any) -> optuna.trial.FrozenTrial:
    kinds = {bool: CategoricalDistribution([True, False]), str: CategoricalDistribution(["relu", "adamw", "tanh"])}
    ranges = {int: IntDistribution(0, 4096), float: FloatDistribution(0.0, 1.0)}
    distributions = {name: RATE if name == "learning_rate" else (kinds | ranges)[type(v)] for name, v in params.items()}
    trial = create_trial(value=1.0, params=params, distributions=distributions, user_attrs=attributes)
    trial.number = 17
    return trial


@pytest.mark.parametrize(
    ("params", "name"),
    [
        (
            {"n_hidden": 2, "n_neurons": 256, "dropout": 0.25, "learning_rate": 0.001, "activation": "relu"},
            "#17 2×256 relu 1e-3 dropout 0.25",
        ),
        ({"n_hidden": 2, "n_neurons_0": 256, "n_neurons_1": 64, "batch_norm": True}, "#17 256-64 batch_norm"),
        ({"n_hidden": 0, "batch_norm": False, "learning_rate": 0.00025}, "#17 linear 2.5e-4"),
        ({"num_layers": 1, "units_0": 64, "units_1": 32}, "#17 64"),
        ({"units": 64, "batch_size": 32}, "#17 64 batch_size 32"),
        ({"n_hidden": 3, "dropout": 0.0}, "#17 n_hidden 3"),
        ({}, "#17"),
    ],
)
def test_a_name_says_what_tells_trials_apart(params: dict[str, Any], name: str) -> None:
    assert trial_name(a_trial(params)) == name


def test_a_hyperparameter_with_one_value_is_left_out_of_the_name() -> None:
    trial = a_trial({"learning_rate": 0.001})
    trial.distributions = trial.distributions | {"optimizer": CategoricalDistribution(["adamw"])}
    assert trial_name(trial, {"learning_rate": 0.001, "optimizer": "adamw"}) == "#17 1e-3"


def test_a_name_says_what_a_trial_continues_or_repeats() -> None:
    assert trial_name(a_trial({"units": 64}, **{CONTINUES: 3})) == "#17 continues #3 64"
    repeats = {"confirms": "trial 7", "seed": 12, "fold": None}
    assert trial_name(a_trial({"units": 64}, **{REPETITION: repeats})) == "#17 trial 7, seed 12"
    assert trial_name(a_trial({"units": 64}, **{REPETITION: repeats | {"fold": 0}})) == "#17 trial 7, fold 1"


def test_a_long_name_is_cut_between_two_words() -> None:
    name = trial_name(a_trial({f"a_long_hyperparameter_{index}": index for index in range(9)}))
    assert name == "#17 a_long_hyperparameter_1 1 a_long_hyperparameter_2 2 …"


def test_numbers_are_short() -> None:
    assert [*map(short, (64, 0.5, 0.001, 1.234e-4, 123456.0, 0.0))] == ["64", "0.5", "1e-3", "1.2e-4", "1.23e+05", "0"]
