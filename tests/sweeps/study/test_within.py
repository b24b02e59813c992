"""The smallest model that is at most so much worse than the best one."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution

from sweeps.errors import InputError
from sweeps.study import attributes
from sweeps.study.within import best_within, parse_margin, sentence

pytestmark = pytest.mark.usefixtures("here")


def study_of(*trials: tuple[float, int | None], direction: str = "maximize") -> optuna.Study:
    """A study of trials with that value and that many parameters."""
    study = optuna.create_study(study_name="sizes", direction=direction)
    study.set_user_attr(attributes.IDENTITY, {"objective": "val_accuracy", "direction": direction})
    for value, size in trials:
        result = {attributes.RUN_ID: "ab", attributes.PARAMS: {"x": value}, attributes.EPOCH: 1}
        attrs = result | {attributes.MODEL_URI: "m"}
        if size is not None:
            attrs[attributes.N_PARAMS] = size
        space, params = {"x": FloatDistribution(0, 10)}, {"x": value}
        study.add_trial(optuna.trial.create_trial(value=value, params=params, distributions=space, user_attrs=attrs))
    return study


@pytest.mark.parametrize(
    ("margin", "chosen"),
    [("0", 0), ("0.009", 0), ("0.01", 2), ("0.99%", 0), ("1%", 2), ("0.1", 4), ("50 %", 4)],
)
def test_the_smallest_model_is_taken_that_is_at_most_so_much_worse(margin: str, chosen: int) -> None:
    study = study_of((1.0, 900), (0.985, 300), (0.99, 500), (0.99, 500), (0.9, 100))
    assert best_within(study, parse_margin(margin)).trial == chosen


def test_of_a_minimized_objective_worse_is_more() -> None:
    study = study_of((0.2, 900), (0.21, 500), (0.3, 100), direction="minimize")
    assert best_within(study, parse_margin("5%")).trial == 1
    assert best_within(study, parse_margin("0.1")).trial == 2


def test_it_says_what_the_model_was_chosen_by() -> None:
    study = study_of((0.98, 90000), (0.975, 5000), (0.97, 7000))
    found = best_within(study, parse_margin("2%"))
    assert (found.trial, found.value, found.n_params) == (1, 0.975, 5000)
    assert found.within == {"margin": "2%", "trials": 3, "best": {"trial": 0, "value": 0.98, "n_params": 90000}}
    assert sentence(found) == (
        "the smallest of 3 models that are at most 2% worse than the best, 0.9800 of trial 0 with 90,000 parameters"
    )
    assert sentence(best_within(study, parse_margin("0.001"))) == "no smaller model is at most 0.001 worse"


def test_a_trial_that_does_not_say_its_size_is_not_chosen() -> None:
    assert best_within(study_of((0.98, None), (0.97, 5000)), parse_margin("0.1")).trial == 1
    with pytest.raises(InputError, match=r"--within: no trial of 'sizes' that is near .* says how many"):
        best_within(study_of((0.98, None)), parse_margin("0.1"))


@pytest.mark.parametrize("text", ["", "%", "much", "-1", "-1%", "nan", "inf", "1e400%", "0.5 percent"])
def test_what_is_no_margin_is_refused(text: str) -> None:
    with pytest.raises(InputError) as error:
        parse_margin(text)
    assert str(error.value) == f"--within: how much worse a model may be is wanted, as 0.5% or 0.005, got {text!r}"
