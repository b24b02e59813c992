"""All hyperparameters of a space are found, and given values are compared with them."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

from search_spaces import DataSpec, InputSpec
from search_spaces.registry import SPACES
from sweeps.errors import InputError
from sweeps.space.discovery import Declare, ambiguous, discover, point
from sweeps.space.domains import same_value
from sweeps.space.hyperparameters import SuggestedHyperParameters
from sweeps.space.narrowing import parse_narrowing

DIGITS = DataSpec(InputSpec((8, 8), "uint8", high=16.0), "sparse", 10)


def branches(hp: Any) -> None:
    """Scopes within Python's own branches, three deep."""
    if hp.Choice("kind", ["linear", "mlp"]) == "mlp":
        with hp.conditional_scope("kind", ["mlp"]):
            drop = hp.Boolean("drop")
            with hp.conditional_scope("drop", [True]):
                if drop:
                    hp.Float("rate", 0.1, 0.5)
    with hp.conditional_scope("kind", ["mlp"]):
        hp.Int("units", 8, 64)


def loops(hp: Any) -> None:
    """Hyperparameters that exist for some values of another one only, without a scope."""
    for layer in range(hp.Int("layers", 1, 4)):
        hp.Int(f"units_{layer}", 8, 64)
    if hp.Choice("kind", ["a", "b", "c"]) == "c":
        hp.Boolean("of_c")


def conditional(hp: Any) -> None:
    """One hyperparameter of each kind, and conditions."""
    hp.Choice("optimizer", ["adam", "sgd"])
    hp.Float("momentum", 0.01, 0.99, sampling="reverse_log", parent_name="optimizer", parent_values=["sgd"])
    hp.Int("units", 16, 64, step=16)
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Int("batch_size", 16, 128, step=2, sampling="log")
    hp.Boolean("drop")
    hp.Fixed("epochs", 10)


def two_sizes(hp: Any) -> None:
    """One name with two ranges."""
    hp.Choice("kind", ["wide", "deep"])
    hp.Int("units", 100, 200, parent_name="kind", parent_values=["wide"])
    hp.Int("units", 1, 10, parent_name="kind", parent_values=["deep"])
    hp.Int("same", 1, 2, parent_name="kind", parent_values=["wide"])
    hp.Int("same", 1, 2, parent_name="kind", parent_values=["deep"])


def test_every_scope_is_entered() -> None:
    assert set(discover(branches)) == {"kind", "drop", "rate", "units"}


def test_a_scope_whose_parent_never_takes_its_value_does_not_stop_discovery() -> None:
    def declare(hp: Any) -> None:
        hp.Choice("kind", ["a"])
        hp.Int("units", 1, 2, parent_name="kind", parent_values=["z"])

    assert set(discover(declare)) == {"kind", "units"}


def test_names_that_exist_for_some_values_only_are_found_when_wanted() -> None:
    assert set(discover(loops)) == {"layers", "units_0", "kind"}
    assert {"units_3", "of_c"} <= set(discover(loops, wanted=["units_3", "of_c"]))
    assert "nobody" not in discover(loops, wanted=["nobody"])


def test_the_registered_spaces_tell_all_that_they_draw() -> None:
    common = {
        "n_hidden",
        "activation",
        "kernel_initializer",
        "bias_initializer",
        "batch_norm",
        "dropout",
        "optimizer",
        "learning_rate",
        "weight_decay",
    }
    assert set(discover(SPACES["mlp"](DIGITS).build)) == common | {"n_neurons"}
    per_layer = discover(SPACES["mlp_per_layer"](DIGITS).build)
    assert set(per_layer) == common | {f"n_neurons_{layer}" for layer in range(8)}


def test_a_name_is_ambiguous_when_its_values_depend_on_a_condition() -> None:
    space = discover(two_sizes)
    assert ambiguous(space) == {"units"}
    assert [len(space[name]) for name in ("kind", "units", "same")] == [1, 2, 2]


@pytest.mark.parametrize("grid", [False, True])
@pytest.mark.parametrize(
    ("declare", "values"),
    [
        (
            conditional,
            {"optimizer": "sgd", "momentum": 0.9, "units": 48, "rate": 0.02, "batch_size": 64, "drop": True},
        ),
        (conditional, {"optimizer": "adam", "rate": 1e-4}),
        (conditional, {"epochs": 10}),
        (two_sizes, {"kind": "wide", "units": 150, "same": 2}),
        (two_sizes, {"kind": "deep", "units": 5}),
        (branches, {"kind": "mlp", "drop": True, "rate": 0.25, "units": 10}),
    ],
)
def test_an_enqueued_trial_draws_exactly_the_given_values(declare: Declare, values: Any, grid: bool) -> None:
    space = discover(declare)
    if grid:
        values = {name: value for name, value in values.items() if name not in ("momentum", "rate")}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(dict(point(declare, space, values, grid=grid).params))
    hp = SuggestedHyperParameters(study.ask(), grid=grid, ambiguous=ambiguous(space))
    declare(hp)
    assert all(same_value(hp.active_values[name], value) for name, value in values.items())


def test_given_values_become_the_hyperparameters_own_type() -> None:
    values = {"units": 48.0, "rate": 0.1, "drop": True, "batch_size": 64.0, "epochs": 10}
    params = point(conditional, discover(conditional), values).params
    assert {name: (type(value), value) for name, value in params.items()} == {
        "optimizer": (str, "adam"),
        "units": (int, 48),
        "rate": (float, 0.1),
        "batch_size": (int, 64),
        "drop": (bool, True),
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"unit": 16}, "unknown hyperparameter 'unit'. Did you mean 'units'?"),
        ({"units": 17}, "units must be one of the space's values, got 17\nAllowed: 16..64 in steps of 16"),
        ({"units": "many"}, "units must be an integer, got 'many'"),
        ({"units": None}, "units must be an integer, got None"),
        ({"rate": 1.0}, "rate must be one of the space's values, got 1.0\nAllowed: 0.0001..0.1 (log)"),
        ({"rate": float("nan")}, "rate must be a finite number, got nan"),
        ({"batch_size": 48}, "Allowed: 16, 32, 64, 128"),
        ({"drop": 1}, "drop must be true or false, got 1"),
        ({"optimizer": "rmsprop"}, "Allowed: adam, sgd"),
        ({"optimizer": 1}, "optimizer must be a text, got 1"),
        ({"epochs": 11}, "epochs must be one of the space's values, got 11\nAllowed: only 10"),
        (
            {"optimizer": "adam", "momentum": 0.9},
            "momentum is inactive with the other values given; it needs optimizer=sgd",
        ),
        ({"momentum": 0.9}, "momentum is inactive with the other values given; it needs optimizer=sgd"),
    ],
)
def test_values_that_are_no_point_of_the_space_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as wrong:
        point(conditional, discover(conditional), values)
    assert message in str(wrong.value)
    assert len(str(wrong.value).splitlines()) <= 2


def test_what_is_not_given_has_its_default_and_is_named() -> None:
    """Those that become active by the given values, too; narrowed ones have the default that is left to them."""
    found = point(two_sizes, discover(two_sizes), {"units": 150})
    assert found.params == {"kind": "wide", "units [kind=wide]": 150, "same": 1}
    assert found.filled == {"kind": "wide", "same": 1}
    wide = point(two_sizes, discover(two_sizes), {"units": 150}, [parse_narrowing("kind=wide")])
    assert wide.filled == {"same": 1}
    sgd = point(conditional, discover(conditional), {"optimizer": "sgd"}, [parse_narrowing("units=40..64")])
    assert sgd.filled == {"momentum": 0.01, "units": 48, "rate": 1e-4, "batch_size": 16, "drop": False}
    with pytest.raises(InputError, match="units must be one"):  # of the other parent's range
        point(two_sizes, discover(two_sizes), {"kind": "deep", "units": 150})


def test_a_default_between_two_steps_or_beside_the_grid_is_the_nearest_allowed_one() -> None:
    def between(hp: Any) -> None:
        hp.Int("units", 32, 512, step=32, default=100)
        hp.Float("drop", 0.0, 0.5, step=0.2, default=0.5)
        hp.Float("rate", 1e-4, 1e-1, sampling="log", default=3e-3)

    space = discover(between)
    assert point(between, space, {}).params == {"units": 96, "drop": 0.4, "rate": 3e-3}
    grid = point(between, space, {}, grid=True).params
    study = optuna.create_study()
    study.enqueue_trial(dict(grid))
    hp = SuggestedHyperParameters(study.ask(), grid=True)
    between(hp)
    assert hp.active_values == grid
    assert 1e-3 < grid["rate"] < 1e-2


def test_values_outside_of_a_narrowing_or_beside_the_grid_are_refused() -> None:
    space = discover(conditional)
    with pytest.raises(InputError, match=r"Allowed: 32..64 in steps of 16"):
        point(conditional, space, {"units": 16}, [parse_narrowing("units=32..64")])
    with pytest.raises(InputError, match=r"rate must be one of the space's values, got 0.001"):
        point(conditional, space, {"rate": 0.001}, grid=True)
