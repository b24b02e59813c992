"""How important hyperparameters are, and what that is worth."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial
from synthetic import synthetic_study

from sweeps.errors import InputError
from sweeps.study.importance import importance
from sweeps.study.view import StudyView


def test_the_hyperparameter_that_decides_comes_first_and_many_trials_settle_it() -> None:
    found = importance(StudyView(synthetic_study(200)))
    assert next(iter(found.importance)) == "learning_rate"
    assert sum(found.importance.values()) == pytest.approx(1)
    assert found.verdict == "a stable order"
    assert f"the best {found.good} of {found.trials} COMPLETE trials" in found.worth


def test_of_noise_it_says_that_the_order_is_not_settled() -> None:
    study = synthetic_study(2, pruned=0, failed=0)
    generator = np.random.default_rng(1)
    space = {f"x{index}": FloatDistribution(0, 1) for index in range(6)}
    noise = optuna.create_study(direction="maximize")
    for name, value in study.user_attrs.items():
        noise.set_user_attr(name, value)
    for _ in range(20):
        params = {name: float(generator.random()) for name in space}
        noise.add_trial(create_trial(params=params, distributions=space, value=float(generator.random())))
    assert importance(StudyView(noise)).verdict == "the order is not settled"


def test_of_few_trials_half_are_good_ones() -> None:
    assert importance(StudyView(synthetic_study(8, pruned=0, failed=0))).good == 4
    assert importance(StudyView(synthetic_study(40, pruned=0, failed=0))).good == 5
    assert importance(StudyView(synthetic_study(100, pruned=0, failed=0))).good == 10


@pytest.mark.parametrize("trials", [0, 3])
def test_too_few_trials_are_refused(trials: int) -> None:
    with pytest.raises(InputError, match=f"at least 4 COMPLETE trials that differ are needed, .* has {trials}"):
        importance(StudyView(synthetic_study(trials, pruned=0, failed=0)))


def test_trials_of_one_value_have_no_hyperparameter_that_decides() -> None:
    study = synthetic_study(8, pruned=0, failed=0)
    same = [trial for trial in study.get_trials() if trial.value is not None]
    for trial in same:
        trial.value = 0.99
    with pytest.raises(InputError, match=r"trials of different values are needed, all 8 of study .* have 0\.99"):
        importance(StudyView(study, same))


def test_a_hyperparameter_with_one_value_is_none_that_decides() -> None:
    study = synthetic_study(30, pruned=0, failed=0)
    adam = [trial for trial in study.trials if trial.params["optimizer"] == "adam"]
    view = StudyView(study, adam)
    assert "optimizer" not in importance(view).importance
    assert "optimizer" not in view.varied()
