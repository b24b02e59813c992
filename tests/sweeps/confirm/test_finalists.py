"""Which configurations are trained again."""

from __future__ import annotations

from unittest import mock

import optuna
import pytest

from sweeps.confirm.finalists import candidates
from sweeps.study.attributes import IDENTITY
from sweeps.study.study import objective_of

DEFAULT = {"units": 4}


@pytest.fixture
def study() -> optuna.Study:
    made = optuna.create_study(direction="maximize")
    made.set_user_attr(IDENTITY, {"objective": "val_accuracy", "direction": "maximize"})
    return made


def trained(study: optuna.Study, units: int, value: float, violation: float) -> None:
    study.enqueue_trial({"units": units})
    trial = study.ask()
    trial.suggest_int("units", 1, 64)
    trial.set_constraint("n_params<=100", violation)
    study.tell(trial, value)


def names(study: optuna.Study) -> list[tuple[str, bool]]:
    leaders = objective_of(study).ranked(study.get_trials())
    found = candidates(study, leaders, DEFAULT, mock.Mock(changes=lambda *_: None))
    return [(one.name, one.default) for one in found]


def test_the_default_is_a_finalist_though_it_is_not_among_the_best(study: optuna.Study) -> None:
    trained(study, 8, 0.9, 0.0)
    assert names(study) == [("trial 0", False), ("default", True)]


def test_a_default_that_breaks_a_constraint_is_none(study: optuna.Study) -> None:
    trained(study, 4, 0.99, 1.0)
    trained(study, 8, 0.9, 0.0)
    assert names(study) == [("trial 1", False)]
