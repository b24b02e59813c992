"""A sweep that begins with the best of another study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from search_spaces import DataSpec, InputSpec
from search_spaces.registry import SPACES
from sweeps.data import Dataset, DataSource, from_arrays
from sweeps.engine.first_trials import read_warm_start
from sweeps.errors import InputError
from sweeps.space.discovery import discover
from sweeps.space.fitting import fitting
from sweeps.space.narrowing import narrowings_of
from sweeps.study.attributes import PARAMS
from sweeps.study.constraints import parse_constraints
from sweeps.study.identity import Identity
from sweeps.study.study import StudyRef, create
from sweeps.system import paths
from sweeps.trial.plan import SweepRequest, WarmStart
from sweeps.trial.preflight import preflight


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 5)).astype("float32")
    return from_arrays(x, generator.integers(0, 3, 200), DataSource("arrays"))


def build(hp: keras_tuner.HyperParameters) -> keras.Model:
    inputs = keras.Input((5,))
    hidden = keras.layers.Dense(hp.Int("units", 4, 16), activation=hp.Choice("activation", ["relu", "tanh"]))(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(hidden))
    optimizer = hp.Choice("optimizer", ["adam", "sgd"])
    if optimizer == "sgd":
        with hp.conditional_scope("optimizer", ["sgd"]):
            hp.Float("momentum", 0.0, 0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


REQUEST = SweepRequest(build, DataSource("arrays"), ("units=4..8",), (), (), 0, False, total=1)  # type: ignore[arg-type]


def test_values_that_the_space_does_not_take_are_left_out_and_said(data: Dataset) -> None:
    trials = (
        {"units": 8, "activation": "tanh", "optimizer": "adam", "momentum": 0.5, "depth": 3},
        {"units": 12, "activation": "gelu", "optimizer": "sgd", "momentum": 0.25},
        {"units": 8, "activation": "tanh", "optimizer": "adam"},
    )
    found = preflight(replace(REQUEST, warm_start=WarmStart("other", trials)), data)
    assert list(found.enqueue) == [
        {"units": 8, "activation": "tanh", "optimizer": "adam"},
        {"units": 4, "activation": "relu", "optimizer": "sgd", "momentum": 0.25},
    ]
    left_out = "momentum=0.5, depth=3, units=12, activation=gelu"
    assert (
        "warm start: 2 configurations of study 'other' are first; left out, since this space does not take it: "
        + left_out
    ) in found.warnings


def test_enqueued_trials_come_before_those_of_a_warm_start(data: Dataset) -> None:
    asked = replace(REQUEST, enqueue=({"units": 5},), warm_start=WarmStart("other", ({"units": 6},)))
    found = preflight(asked, data)
    assert [values["units"] for values in found.enqueue] == [5, 6]
    assert "warm start: 1 configurations of study 'other' are first" in found.warnings


def test_a_warm_start_of_which_nothing_fits_is_refused(data: Dataset) -> None:
    with pytest.raises(InputError) as error:
        preflight(replace(REQUEST, warm_start=WarmStart("other", ({"depth": 3, "units": 99},))), data)
    said = "--warm-start: no value of the best trials of study 'other' is one of this space: depth=3, units=99"
    assert str(error.value) == said


def test_the_five_best_complete_trials_of_a_study_are_taken_best_first(here: Path) -> None:
    study = create(
        StudyRef("other", paths.journal("other")), Identity("mlp", "digits", "0", "val_loss", "minimize", 1, 0, ())
    )
    with pytest.raises(InputError, match="--warm-start: a study with a COMPLETE trial is wanted, 'other' has none"):
        read_warm_start("other", "s")
    for loss in (0.5, 0.1, 0.7, 0.2, 0.3, 0.4):
        trial = study.ask()
        trial.set_user_attr(PARAMS, {"units": round(loss * 10)})
        study.tell(trial, loss)
    assert [values["units"] for values in read_warm_start("other", "s").trials] == [1, 2, 3, 4, 5]


class Good(keras_tuner.HyperModel):  # type: ignore[misc]
    """With configurations that were good elsewhere, one of which is the default."""

    portfolio = ({"units": 8, "activation": "tanh"}, {"units": 4}, {"units": 40, "optimizer": "sgd", "momentum": 0.5})

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        return build(hp)


DEFAULT = {"units": 4, "activation": "relu", "optimizer": "adam"}


def test_a_sweep_begins_with_the_defaults_and_the_portfolio_as_far_as_the_space_takes_it(data: Dataset) -> None:
    request = replace(REQUEST, space=Good(), total=10)  # type: ignore[arg-type]
    assert list(preflight(request, data).enqueue) == [
        DEFAULT,
        {"units": 8, "activation": "tanh", "optimizer": "adam"},
        DEFAULT,
        {"units": 4, "activation": "relu", "optimizer": "sgd", "momentum": 0.5},
    ]
    assert len(preflight(replace(request, total=2), data).enqueue) == 2
    assert list(preflight(replace(request, start="default"), data).enqueue) == [DEFAULT]
    assert preflight(replace(request, start="none"), data).enqueue == ()
    assert list(preflight(replace(request, enqueue=({"units": 5},)), data).enqueue) == [{**DEFAULT, "units": 5}]


def test_what_is_larger_than_a_constraint_allows_is_left_out_of_the_portfolio(data: Dataset) -> None:
    request = replace(REQUEST, space=Good(), total=10, constraints=parse_constraints(["n_params<=60", "val_loss<=9"]))  # type: ignore[arg-type]
    units = [values["units"] for values in preflight(request, data).enqueue]
    assert units == [4, 4, 4]  # with eight the model has 75 weights
    small = replace(request, constraints=parse_constraints(["model_bytes<=4"]))
    assert list(preflight(small, data).enqueue) == [DEFAULT]  # with which all others are compared


def test_a_space_without_a_portfolio_begins_with_its_defaults(data: Dataset) -> None:
    assert list(preflight(replace(REQUEST, total=10), data).enqueue) == [DEFAULT]


@pytest.mark.parametrize("name", SPACES)
def test_the_portfolio_of_a_registered_space_lies_in_what_it_searches(name: str) -> None:
    space = SPACES[name](DataSpec(InputSpec((4,), "float32"), "sparse", 3))
    found = discover(space.build)
    kept = narrowings_of([], space)
    for values in getattr(space, "portfolio", ()):
        of_build = {key: value for key, value in values.items() if key in found}
        assert fitting(space.build, found, of_build, kept, grid=False) == of_build
        assert set(values) - set(of_build) <= {"batch_size", "schedule"}


def test_the_portfolio_with_a_width_for_each_layer_has_the_networks_of_the_other() -> None:
    spec = DataSpec(InputSpec((4,), "float32"), "sparse", 3)
    one, each = SPACES["mlp"](spec), SPACES["mlp_per_layer"](spec)
    for values, of_layers in zip(one.portfolio, each.portfolio, strict=True):
        widths = [of_layers[f"n_neurons_{layer}"] for layer in range(values["n_hidden"])]
        assert widths == [values["n_neurons"]] * values["n_hidden"]
        assert set(values) ^ set(of_layers) == {"n_neurons", *(f"n_neurons_{layer}" for layer in range(len(widths)))}
