"""Fed the same choices, KerasTuner's container and ours give the same values, activity and errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras_tuner
import numpy as np
import optuna
import pytest

from sweeps.errors import InputError
from sweeps.space.discovery import ambiguous, discover
from sweeps.space.hyperparameters import CheckedHyperParameters, SuggestedHyperParameters

Declare = Callable[[Any], list[Any]]


def every_kind(hp: Any) -> list[Any]:
    return [
        hp.Int("int", 1, 9),
        hp.Int("int_step", 6, 13, step=3),
        hp.Int("int_log", 16, 512, sampling="log"),
        hp.Int("int_log_step", 2, 32, step=2, sampling="log"),
        hp.Int("int_reverse_log", 16, 512, sampling="reverse_log"),
        hp.Int("int_reverse_log_step", 1, 8, step=2, sampling="reverse_log"),
        hp.Int("int_one", 5, 5),
        hp.Float("float", -1.0, 1.0),
        hp.Float("float_step", 0, 0.5, step=0.125),
        hp.Float("float_log", 1e-5, 10.0, sampling="log"),
        hp.Float("float_log_step", 0.001, 10, step=10, sampling="log"),
        hp.Float("float_reverse_log", 0.1, 0.9, sampling="reverse_log"),
        hp.Float("float_reverse_log_step", 0.01, 100, step=10, sampling="reverse_log"),
        hp.Float("float_below_zero", -1, 1, step=0.75),
        hp.Float("float_one", 2, 2),
        hp.Choice("choice_text", ["relu", "tanh"]),
        hp.Choice("choice_int", [16, 32, 64], ordered=False),
        hp.Choice("choice_ordered", [16, 32, 64], ordered=True, default=32),
        hp.Choice("choice_float", [0.1, 0.2]),
        hp.Choice("choice_bool", [True, False]),
        hp.Boolean("boolean"),
        hp.Boolean("boolean_true", default=True),
        hp.Fixed("fixed_int", 3),
        hp.Fixed("fixed_float", 0.5),
        hp.Fixed("fixed_text", "same"),
        hp.Fixed("fixed_bool", True),
    ]


def defaults(hp: Any) -> list[Any]:
    return [
        hp.Int("int", 1, 9, default=4),
        hp.Int("int_step", 6, 13, step=3, default=9),
        hp.Int("int_log", 16, 512, sampling="log", default=100),
        hp.Float("float", -1, 1, default=0.25),
        hp.Float("float_reverse_log", 0.1, 0.9, sampling="reverse_log", default=0.5),
        hp.Choice("choice", [1, 2, 3], default=2),
        hp.Choice("choice_none", ["a", "b"], default=None),
        hp.Boolean("boolean", default=True),
    ]


def numbers_of_numpy(hp: Any) -> list[Any]:
    return [
        hp.Int("int", np.int64(1), np.int32(9)),
        hp.Float("float", np.float32(0.5), np.float64(2)),
        hp.Choice("choice", list(np.linspace(0.1, 0.5, 5))),
        hp.Choice("text", list(np.array(["relu", "tanh"]))),
        hp.Fixed("fixed", np.float64(0.3)),
    ]


def asked_again(hp: Any) -> list[Any]:
    first = hp.Int("units", 1, 100)
    return [first, hp.Int("units", 1, 100), hp.get("units"), hp["units"], "units" in hp, "other" in hp]


def name_scopes(hp: Any) -> list[Any]:
    drawn = [hp.Int("units", 1, 100)]
    with hp.name_scope("encoder"):
        drawn.append(hp.Int("units", 1, 10))
        with hp.name_scope("last"):
            drawn += [hp.Int("units", 1, 5), hp.get("units")]
        drawn.append(hp.get("units"))
    return [*drawn, hp.get("encoder/last/units")]


def conditional_scopes(hp: Any) -> list[Any]:
    kind = hp.Choice("kind", ["mlp", "cnn"])
    drawn = [kind]
    with hp.conditional_scope("kind", ["mlp"]):
        drawn.append(hp.Int("units", 1, 10))
        depth = hp.Int("depth", 1, 3)
        drawn.append(depth)
        with hp.conditional_scope("depth", [2, 3]):
            drawn += [hp.Float("dropout", 0.0, 0.5), hp.Fixed("skip", True)]
    with hp.conditional_scope("kind", ["cnn"]):
        drawn.append(hp.Choice("filters", [8, 16]))
    with hp.conditional_scope("kind", "cnn"):
        drawn.append(hp.Boolean("pool"))
    return drawn


def parent_arguments(hp: Any) -> list[Any]:
    drawn = [hp.Boolean("drop"), hp.Int("layers", 0, 3)]
    drawn.append(hp.Float("rate", 0.1, 0.5, parent_name="drop", parent_values=[True]))
    for layer in range(3):
        parents = list(range(layer + 1, 4))
        drawn.append(hp.Int(f"units_{layer}", 8, 64, step=8, parent_name="layers", parent_values=parents))
    drawn.append(hp.Choice("init", ["a", "b"], parent_name="layers", parent_values=0))
    return drawn


def boolean_and_fixed_parents(hp: Any) -> list[Any]:
    drawn = [hp.Boolean("drop"), hp.Fixed("layers", 2), hp.Fixed("kind", "mlp"), hp.Fixed("wide", True)]
    with hp.conditional_scope("drop", [True]):
        drawn.append(hp.Float("rate", 0.1, 0.5))
    with hp.conditional_scope("drop", False):
        drawn.append(hp.Int("units", 1, 9))
    with hp.conditional_scope("drop", [True, False]):
        drawn.append(hp.Int("always", 1, 9))
    for layers in ([1, 2], [3]):
        with hp.conditional_scope("layers", layers):
            drawn.append(hp.Int(f"width_{layers[-1]}", 1, 9))
    with hp.conditional_scope("kind", "mlp"):
        drawn.append(hp.Choice("activation", ["relu", "tanh"]))
    with hp.conditional_scope("wide", True):
        drawn += [hp.Fixed("wider", True), hp.Boolean("widest")]
        with hp.conditional_scope("wider", False):
            drawn.append(hp.Int("never", 1, 9))
    return drawn


def parents_of_other_kinds(hp: Any) -> list[Any]:
    drawn = [
        hp.Choice("rate", [0.1, 0.2]),
        hp.Int("units", 2, 8, step=2, sampling="log"),
        hp.Float("dropout", 0, 0.5, step=0.25),
        hp.Float("momentum", 0.001, 10, step=10, sampling="log"),
    ]
    with hp.conditional_scope("rate", [0.2]):
        drawn.append(hp.Int("of_rate", 1, 9))
    with hp.conditional_scope("units", [4.0, 8]):
        drawn.append(hp.Int("of_units", 1, 9))
    with hp.conditional_scope("dropout", [0.25, 0.5]):
        drawn.append(hp.Int("of_dropout", 1, 9))
    with hp.conditional_scope("momentum", [0.01, 10.0]):
        drawn.append(hp.Int("of_momentum", 1, 9))
    return drawn


def scopes_in_scopes(hp: Any) -> list[Any]:
    with hp.name_scope("head"):
        drawn = [hp.Choice("kind", ["a", "b"])]
        with hp.conditional_scope("kind", ["b"]), hp.name_scope("inner"):
            drawn.append(hp.Int("units", 1, 9))
    return drawn


def a_parent_in_both_scopes(hp: Any) -> list[Any]:
    drawn = [hp.Choice("kind", ["a", "b", "c"])]
    with hp.conditional_scope("kind", ["a", "c"]):
        drawn.append(hp.Choice("block", [4, 6]))
        with hp.name_scope("block"):
            drawn.append(hp.Boolean("norm"))
            with hp.conditional_scope("norm", True):
                drawn += [hp.Float("momentum", 0.9, 0.99), got(hp, "norm")]
        with hp.conditional_scope("block", 6), hp.name_scope("d"):
            drawn.append(hp.Choice("e", [10, 11, 12]))
    with hp.conditional_scope("kind", "b"), hp.name_scope("block"):
        drawn.append(hp.Int("units", 0, 10))
    return [*drawn, *(got(hp, name) for name in ("block/norm", "block/momentum", "block/units", "d/e", "e"))]


def asked_for_while_inactive(hp: Any) -> list[Any]:
    drawn = [hp.Choice("kind", ["a", "b"])]
    with hp.conditional_scope("kind", "a"):
        drawn += [hp.Int("of_a", 1, 9), got(hp, "of_a"), hp.Int("of_a", 1, 9)]
    with hp.conditional_scope("kind", "b"):
        drawn += [hp.Int("of_b", 10, 99), got(hp, "of_a"), got(hp, "of_b")]
    for name in ("of_a", "of_b", "nobody"):
        drawn += [got(hp, name), name in hp, hp.is_active(name)]
    return drawn


def got(hp: Any, name: str) -> Any:
    """The value, or what is said in its place."""
    try:
        return hp.get(name)
    except (KeyError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def same_name_with_and_without_a_condition(hp: Any) -> list[Any]:
    drawn = [hp.Boolean("deep"), hp.Int("units", 1, 99)]
    with hp.conditional_scope("deep", True):
        drawn.append(hp.Int("units", 1, 99))
    return [*drawn, hp.Int("units", 1, 99)]


def given_beforehand(hp: Any) -> list[Any]:
    hp.values["units"] = 5
    return [hp.Int("units", 1, 9), hp.Int("others", 1, 9)]


def others() -> keras_tuner.HyperParameters:
    """What is merged."""
    hp = keras_tuner.HyperParameters()
    hp.Fixed("units", 3)
    hp.Choice("kind", ["a", "b"], default="b")
    hp.Int("depth", 1, 9, default=7)
    with hp.conditional_scope("kind", "b"):
        hp.Int("of_b", 1, 9)
    return hp


def merged(hp: Any) -> list[Any]:
    hp.Int("units", 10, 100)
    hp.Choice("kind", ["a", "b"])
    hp.merge(others())
    return [hp.Int("width", 1, 9), *(got(hp, name) for name in ("units", "kind", "depth", "of_b"))]


def merged_without_overwriting(hp: Any) -> list[Any]:
    drawn = [hp.Int("units", 10, 100), hp.Choice("kind", ["a", "b"])]
    hp.merge(others().space, overwrite=False)
    return [*drawn, *(got(hp, name) for name in ("units", "kind", "depth", "of_b")), hp.Int("depth", 1, 9)]


def same_name_under_conditions(hp: Any) -> list[Any]:
    drawn = [hp.Choice("kind", ["wide", "deep"])]
    with hp.conditional_scope("kind", ["wide"]):
        drawn += [hp.Int("units", 100, 200), hp.Choice("activation", ["relu", "tanh"])]
    with hp.conditional_scope("kind", ["deep"]):
        drawn += [hp.Int("units", 1, 10), hp.Choice("activation", ["selu"])]
    return drawn


def python_branches(hp: Any) -> list[Any]:
    layers = hp.Int("layers", 1, 4)
    return [layers, *(hp.Int(f"units_{layer}", 1, 64) for layer in range(layers))]


PROGRAMS = [
    every_kind,
    defaults,
    numbers_of_numpy,
    asked_again,
    name_scopes,
    conditional_scopes,
    parent_arguments,
    boolean_and_fixed_parents,
    parents_of_other_kinds,
    scopes_in_scopes,
    a_parent_in_both_scopes,
    asked_for_while_inactive,
    same_name_under_conditions,
    same_name_with_and_without_a_condition,
    given_beforehand,
    merged,
    merged_without_overwriting,
    python_branches,
]


def activity(hp: keras_tuner.HyperParameters) -> list[tuple[str, bool, bool]]:
    return [(declared.name, hp.is_active(declared), hp.is_active(declared.name)) for declared in hp.space]


@pytest.mark.parametrize("declare", PROGRAMS)
@pytest.mark.parametrize("grid", [False, True])
def test_values_and_activity_are_those_of_keras_tuner_in_every_trial(declare: Declare, grid: bool) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    shared = ambiguous(discover(declare))
    for _ in range(30):
        trial = study.ask()
        ours = SuggestedHyperParameters(trial, grid=grid, ambiguous=shared)
        drawn = declare(ours)
        theirs = keras_tuner.HyperParameters()
        theirs.values = dict(ours.active_values)
        assert declare(theirs) == drawn
        assert theirs.values == ours.values == ours.active_values
        assert activity(theirs) == activity(ours)
        assert theirs.get_config() == ours.get_config()
        study.tell(trial, 0.0)


@pytest.mark.parametrize("declare", PROGRAMS)
def test_before_anything_is_drawn_values_are_keras_tuner_s_defaults(declare: Declare) -> None:
    ours, theirs = CheckedHyperParameters(), keras_tuner.HyperParameters()
    assert declare(ours) == declare(theirs)
    assert ours.get_config() == theirs.get_config()


@pytest.mark.parametrize("declare", PROGRAMS)
def test_types_are_those_that_keras_tuner_gives(declare: Declare) -> None:
    theirs = keras_tuner.HyperParameters()
    declare(theirs)
    kinds = {declared.name: type(declared.random_sample(1)) for declared in theirs.space}
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3)).ask()
    ours = SuggestedHyperParameters(trial, ambiguous=ambiguous(discover(declare)))
    declare(ours)
    for name, value in ours.active_values.items():
        assert type(value) is kinds.get(name, int), name


@pytest.fixture(scope="module")
def draws() -> dict[str, list[Any]]:
    """Of each hyperparameter of `every_kind`, 500 uniformly drawn values."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn: dict[str, list[Any]] = {}
    for _ in range(500):
        hp = SuggestedHyperParameters(study.ask())
        every_kind(hp)
        for name, value in hp.values.items():
            drawn.setdefault(name, []).append(value)
    return drawn


def values_of_keras_tuner(name: str) -> list[Any]:
    """The hyperparameter's values at 2,000 equally likely places."""
    hp = keras_tuner.HyperParameters()
    every_kind(hp)
    (declared,) = (found for found in hp.space if found.name == name)
    return [declared.prob_to_value((place + 0.5) / 2000) for place in range(2000)]


FINITE = [
    "int",
    "int_step",
    "int_log_step",
    "int_reverse_log_step",
    "float_log_step",
    "float_reverse_log_step",
    "float_below_zero",
    "float_one",
    "choice_text",
    "choice_int",
    "choice_ordered",
    "boolean",
]
RANGES = ["float", "float_log", "float_reverse_log", "int_log", "int_reverse_log"]


@pytest.mark.parametrize("name", [*FINITE, "int_one", "choice_bool", "float_step"])
def test_the_values_that_can_be_drawn_are_those_of_keras_tuner(name: str, draws: dict[str, list[Any]]) -> None:
    assert set(draws[name]) == set(values_of_keras_tuner(name))


@pytest.mark.parametrize("name", RANGES)
def test_values_are_spread_over_a_range_as_keras_tuner_spreads_them(name: str, draws: dict[str, list[Any]]) -> None:
    ours, theirs = np.sort(draws[name]), np.sort(values_of_keras_tuner(name))
    shares = [np.searchsorted(values, ours, side="right") / len(values) for values in (ours, theirs)]
    assert np.abs(shares[0] - shares[1]).max() < 0.08  # Kolmogorov-Smirnov: once in 300 by chance


@pytest.mark.filterwarnings("ignore:BruteForceSampler is experimental")
def test_steps_end_where_the_documentation_says_though_keras_tuner_loses_the_last_to_rounding() -> None:
    study = optuna.create_study(sampler=optuna.samplers.BruteForceSampler())
    study.optimize(lambda trial: SuggestedHyperParameters(trial).Float("rotation", 0, 1, step=0.2))
    drawn = sorted(trial.params["rotation"] for trial in study.trials)
    assert drawn == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_a_copy_answers_new_hyperparameters_with_their_default_as_keras_tuner_s_does() -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    hp = SuggestedHyperParameters(trial)
    units = hp.Int("units", 1, 1000)
    copy = hp.copy()
    assert (copy.Int("units", 1, 1000), copy.Int("new", 1, 1000, default=7)) == (units, 7)
    assert "new" not in hp.values
    assert set(trial.params) == {"units"}


@pytest.mark.parametrize(
    "transfer",
    [
        lambda hp: hp.copy(),
        lambda hp: hp.from_config(hp.get_config()),
        lambda hp: keras_tuner.HyperParameters.from_config(json.loads(json.dumps(hp.get_config()))),
    ],
)
@pytest.mark.parametrize("declare", PROGRAMS)
def test_what_was_drawn_is_kept_by_a_copy_and_by_a_configuration(declare: Declare, transfer: Any) -> None:
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    hp = SuggestedHyperParameters(trial, ambiguous=ambiguous(discover(declare)))
    drawn = declare(hp)
    before = dict(trial.params)
    kept = transfer(hp)
    assert type(kept) is keras_tuner.HyperParameters
    assert kept.values == hp.values
    assert kept.values is not hp.values
    assert activity(kept) == activity(hp)
    if declare is not merged:  # which overwrites once more
        assert declare(kept) == drawn
    assert trial.params == before


def test_a_space_that_is_not_tunable_gets_what_was_drawn_and_defaults() -> None:
    class Model(keras_tuner.HyperModel):  # type: ignore[misc]
        def build(self, hp: keras_tuner.HyperParameters) -> list[int]:
            return [hp.Int("units", 1, 1000), hp.Int("new", 1, 1000, default=7)]

    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    hp = SuggestedHyperParameters(trial)
    assert Model(tunable=False).build(hp) == [1, 7]
    assert trial.params == {}


def parent_outside_of_the_name_scope(hp: Any) -> None:
    with hp.name_scope("inner"):
        hp.Int("units", 1, 9, parent_name="drop", parent_values=True)


@pytest.mark.parametrize(
    "declare",
    [
        lambda hp: hp.conditional_scope("nobody", [1]).__enter__(),
        lambda hp: hp.Int("units", 1, 9, parent_name="nobody", parent_values=[1]),
        lambda hp: hp.Int("units", 9, 1),
        lambda hp: hp.Float("rate", 0.0, 1.0, sampling="log"),
        lambda hp: hp.Float("rate", 0.1, 1.0, sampling="cubic"),
        lambda hp: hp.Int("units", 1.5, 9),
        lambda hp: hp.Int("units", 1, 9, step=1, sampling="log"),
        lambda hp: hp.Int("units", -10, -1, sampling="log"),
        lambda hp: hp.Int("units", 1, 9, step=1.5),
        lambda hp: hp.Float("rate", 9.0, 1.0),
        lambda hp: hp.Float("rate", -1.0, 1.0, sampling="reverse_log"),
        lambda hp: hp.Float("rate", 0.1, 1.0, step=0.5, sampling="log"),
        lambda hp: hp.Choice("kind", []),
        lambda hp: hp.Choice("kind", [1, "a"]),
        lambda hp: hp.Choice("kind", [1, 1.0]),
        lambda hp: hp.Choice("kind", [True, 1]),
        lambda hp: hp.Choice("kind", [None]),
        lambda hp: hp.Choice("kind", [{"a": 1}, {"a": 2}]),
        lambda hp: hp.Choice("kind", ["a", "b"], ordered=True),
        lambda hp: hp.Choice("kind", ["a"], default="b"),
        lambda hp: hp.Boolean("norm", default="yes"),
        lambda hp: hp.Fixed("value", [1]),
        lambda hp: hp.get("nobody"),
        parent_outside_of_the_name_scope,
        lambda hp: hp.conditional_scope("drop", [[True]]).__enter__(),
    ],
)
def test_what_keras_tuner_refuses_is_refused(declare: Callable[[Any], Any]) -> None:
    for hp in (keras_tuner.HyperParameters(), SuggestedHyperParameters(optuna.create_study().ask())):
        hp.Boolean("drop")
        with pytest.raises((ValueError, TypeError, KeyError, InputError)):
            declare(hp)


def test_a_conditional_hyperparameter_with_its_parent_s_name_is_refused_as_by_keras_tuner() -> None:
    def declare(hp: Any) -> None:
        hp.Int("units", 1, 9)
        with hp.conditional_scope("units", list(range(1, 10))):
            hp.Int("units", 1, 9)

    for hp in (keras_tuner.HyperParameters(), SuggestedHyperParameters(optuna.create_study().ask())):
        with pytest.raises(ValueError, match="cannot have the same name as its parent"):
            declare(hp)
