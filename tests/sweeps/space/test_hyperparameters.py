"""What a trial is asked, under which name, and what is refused."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeps.errors import InputError
from sweeps.space.hyperparameters import SuggestedHyperParameters
from sweeps.space.known import KnownParameters
from sweeps.space.narrowing import parse_narrowing


def new_trial(**params: Any) -> optuna.Trial:
    """A trial of a study of its own, which draws these values and others at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(params)
    return study.ask()


def asked(declare: Callable[[SuggestedHyperParameters], Any], **options: Any) -> dict[str, Any]:
    """The distributions that a declaration has asked for."""
    trial = new_trial()
    declare(SuggestedHyperParameters(trial, **options))
    return trial.distributions


@pytest.mark.parametrize(
    ("declare", "distribution"),
    [
        (lambda hp: hp.Int("a", 1, 9), IntDistribution(1, 9)),
        (lambda hp: hp.Int("a", 6, 13, step=3), IntDistribution(6, 12, step=3)),
        (lambda hp: hp.Int("a", 16, 512, sampling="log"), IntDistribution(16, 512, log=True)),
        (lambda hp: hp.Int("a", 2, 32, 2, "log"), CategoricalDistribution((2, 4, 8, 16, 32))),
        (lambda hp: hp.Float("a", 0, 1), FloatDistribution(0, 1)),
        (lambda hp: hp.Float("a", 0, 1, step=0.3), FloatDistribution(0, 0.9, step=0.3)),
        (lambda hp: hp.Float("a", 0.1, 1, sampling="log"), FloatDistribution(0.1, 1, log=True)),
        (lambda hp: hp.Float("a", 0.01, 1, 10, "log"), CategoricalDistribution((0.01, 0.1, 1.0))),
        (lambda hp: hp.Choice("a", ["x", "y"]), CategoricalDistribution(("x", "y"))),
        (lambda hp: hp.Boolean("a"), CategoricalDistribution((False, True))),
    ],
)
def test_each_kind_is_asked_under_its_own_name_as_optuna_s_nearest(
    declare: Callable[[Any], Any], distribution: Any
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Optuna's, about a range that its step does not divide
        assert asked(declare) == {"a": distribution}


def test_reverse_log_is_asked_as_its_mirror_image() -> None:
    trial = new_trial(**{"momentum (mirrored)": 0.1})
    hp = SuggestedHyperParameters(trial)
    assert hp.Float("momentum", 0.01, 0.99, sampling="reverse_log") == pytest.approx(0.9)
    assert trial.distributions == {"momentum (mirrored)": FloatDistribution(0.01, 0.99, log=True)}
    assert hp.active_values == {"momentum": pytest.approx(0.9)}


@pytest.mark.parametrize("end", [0.01, 0.99])
def test_a_mirrored_value_stays_within_its_range_at_both_ends(end: float) -> None:
    hp = SuggestedHyperParameters(new_trial(**{"momentum (mirrored)": end}))
    assert 0.01 <= hp.Float("momentum", 0.01, 0.99, sampling="reverse_log") <= 0.99


def test_fixed_values_are_not_asked_and_are_among_the_active_ones() -> None:
    trial = new_trial()
    hp = SuggestedHyperParameters(trial)
    assert (hp.Fixed("epochs", 10), hp.active_values, trial.params) == (10, {"epochs": 10}, {})


def test_only_active_hyperparameters_are_asked_and_reported() -> None:
    trial = new_trial(kind="b")
    hp = SuggestedHyperParameters(trial)
    hp.Choice("kind", ["a", "b"])
    assert hp.Int("of_a", 1, 9, parent_name="kind", parent_values=["a"]) is None
    assert hp.Int("of_b", 3, 3, parent_name="kind", parent_values=["b"]) == 3
    assert hp.active_values == trial.params == {"kind": "b", "of_b": 3}


def test_values_have_the_hyperparameter_s_type_whatever_was_enqueued() -> None:
    hp = SuggestedHyperParameters(new_trial(count=3.0, rate=1, size=64.0, drop=1))
    values = [hp.Int("count", 1, 9), hp.Float("rate", 0, 1), hp.Choice("size", [32, 64]), hp.Boolean("drop")]
    assert [(type(value), value) for value in values] == [(int, 3), (float, 1.0), (int, 64), (bool, True)]


def test_an_enqueued_value_out_of_range_is_refused() -> None:
    hp = SuggestedHyperParameters(new_trial(rate=5.0))
    with (
        pytest.warns(UserWarning, match="out of range"),
        pytest.raises(InputError, match=r"rate must be one of the space's values, got 5.0\nAllowed: 0.0..1.0"),
    ):
        hp.Float("rate", 0, 1)


def test_a_grid_has_ten_values_and_the_default_of_each_range_without_steps_spread_as_it_is_sampled() -> None:
    found = asked(lambda hp: (hp.Float("rate", 1e-5, 1.0, sampling="log"), hp.Int("n", 1, 3)), grid=True)
    choices = found["rate"].choices
    assert [round(math.log10(value), 2) for value in choices] == [-5, *(-4.75 + 0.5 * step for step in range(10))]
    assert found["n"] == IntDistribution(1, 3)


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_a_sampler_that_enumerates_ends_after_each_point_of_the_grid() -> None:
    def objective(trial: optuna.Trial) -> float:
        hp = SuggestedHyperParameters(trial, grid=True)
        kind = hp.Choice("kind", ["a", "b"])
        hp.Float("rate", 0.1, 1.0, sampling="reverse_log", parent_name="kind", parent_values=["a"])
        return float(kind == "a")

    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
    study.optimize(objective, n_trials=50)
    assert len(study.trials) == 12
    assert len({tuple(trial.params.items()) for trial in study.trials}) == 12


@pytest.mark.parametrize(
    ("again", "message"),
    [
        (lambda hp: hp.Int("units", 1, 99), "must be declared alike each time, got Int 1..99 after Int 1..9"),
        (lambda hp: hp.Float("units", 1, 9), "got Float 1.0..9.0 after Int 1..9"),
        (lambda hp: hp.Int("units", 1, 9, step=2), "got Int 1..9 in steps of 2 after Int 1..9"),
        (lambda hp: hp.Int("units", 1, 9, sampling="log"), r"got Int 1..9 \(log\) after Int 1..9"),
        (lambda hp: hp.Fixed("units", 3), "got Fixed 3 after Int 1..9"),
        (
            lambda hp: hp.Int("units", 1, 99, parent_name="kind", parent_values=["a"]),
            "got Int 1..99 after Int 1..9",
        ),
    ],
)
def test_a_hyperparameter_declared_twice_with_other_bounds_is_refused(
    again: Callable[[Any], Any], message: str
) -> None:
    hp = SuggestedHyperParameters(new_trial())
    hp.Choice("kind", ["a"])
    hp.Int("units", 1, 9)
    with pytest.raises(InputError, match=f"'units' .*{message}"):
        again(hp)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda hp: hp.Int("units", 1, 9), lambda hp: hp.Int("units", 1, 99)),
        (lambda hp: hp.Int("units", 1, 9), lambda hp: hp.Float("units", 1, 9)),
        (lambda hp: hp.Choice("units", [1, 2]), lambda hp: hp.Choice("units", [1, 2, 3])),
        (lambda hp: hp.Boolean("units"), lambda hp: hp.Choice("units", [1, 2])),
    ],
)
def test_a_hyperparameter_that_changes_between_trials_is_refused(
    first: Callable[[Any], Any], second: Callable[[Any], Any]
) -> None:
    study, parameters = optuna.create_study(), KnownParameters()

    def next_trial() -> SuggestedHyperParameters:
        known = parameters.update(study.get_trials(deepcopy=False))
        return SuggestedHyperParameters(study.ask(), known=known)

    first(next_trial())
    for _ in range(2):  # the refused trial does not set the new values for those after it
        with pytest.raises(InputError, match="'units' must keep its kind and values in all trials of a study, got"):
            second(next_trial())
    first(next_trial())


def test_an_ambiguous_name_bears_its_conditions_in_the_study_and_its_own_name_elsewhere() -> None:
    trial = new_trial(kind="deep")
    hp = SuggestedHyperParameters(trial, ambiguous=frozenset({"units"}))
    hp.Choice("kind", ["wide", "deep"])
    hp.Int("units", 100, 200, parent_name="kind", parent_values=["wide"])
    hp.Int("units", 7, 7, parent_name="kind", parent_values=["deep"])
    assert hp.active_values == {"kind": "deep", "units": 7}
    assert trial.params == {"kind": "deep", "units [kind=deep]": 7}


def test_a_narrowed_hyperparameter_is_asked_within_what_is_left() -> None:
    narrowings = [parse_narrowing("units=3..4"), parse_narrowing("drop=true"), parse_narrowing("kind=b")]
    trial = new_trial()
    hp = SuggestedHyperParameters(trial, narrowings)
    assert (hp.Int("units", 1, 9) in (3, 4), hp.Boolean("drop"), hp.Choice("kind", ["a", "b"])) == (
        True,
        True,
        "b",
    )
    assert trial.distributions == {"units": IntDistribution(3, 4), "kind": CategoricalDistribution(("b",))}
    assert set(hp.active_values) == {"units", "drop", "kind"}


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda hp: hp.Int("units", 1, 9, default=10), r"^default of 'units' must lie in 1..9, got 10$"),
        (
            lambda hp: hp.Float("rate", 0, 1, default=-0.5),
            r"^default of 'rate' must lie in 0.0..1.0, got -0.5$",
        ),
        (lambda hp: hp.Float("rate", 0, math.inf), r"^bounds of 'rate' must be finite, got 0.0..inf$"),
        (lambda hp: hp.Float("rate", math.nan, 1), r"^bounds of 'rate' must be finite, got nan..1.0$"),
        (
            lambda hp: hp.Int("b", 1, 2, parent_name="knd", parent_values=["a"]),
            "Did you mean 'kind'",
        ),
    ],
)
def test_a_wrong_declaration_is_named_in_a_line(declare: Callable[[Any], Any], message: str) -> None:
    hp = SuggestedHyperParameters(new_trial())
    hp.Choice("kind", ["a", "b"])
    with pytest.raises(InputError, match=message):
        declare(hp)


def test_a_parent_in_another_scope_than_its_condition_is_refused_with_the_scope() -> None:
    hp = SuggestedHyperParameters(new_trial())
    hp.Choice("a", ["x"])
    hp.Choice("b", ["x"])
    with hp.conditional_scope("a", ["x"]), pytest.raises(InputError, match=r"'b' must be declared .*: a=x"):
        hp.Int("units", 1, 9, parent_name="b", parent_values=["x"])
