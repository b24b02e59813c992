"""`--set NAME=…`: what is left of a hyperparameter, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

import keras_tuner
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras_tuner.engine import hyperparameters as kinds
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from search_spaces import DataSpec, InputSpec
from search_spaces.registry import SPACES
from sweeps.errors import InputError
from sweeps.space.discovery import discover
from sweeps.space.domains import listed_values, study_parameter
from sweeps.space.narrowing import Narrowing, check_narrowings, narrowings_of, parse_narrowing

RANGES: dict[str, kinds.HyperParameter] = {
    "n_hidden": kinds.Int("n_hidden", 0, 8, default=2),
    "n_neurons": kinds.Int("n_neurons", 32, 512, step=32, default=256),
    "width": kinds.Int("width", 16, 512, sampling="log"),
    "batch_size": kinds.Int("batch_size", 2, 256, step=2, sampling="log"),
    "learning_rate": kinds.Float("learning_rate", 1e-4, 1e-1, sampling="log", default=1e-3),
    "dropout": kinds.Float("dropout", 0.0, 0.5, step=0.1),
    "shift": kinds.Float("shift", -1.0, 1.0),
    "momentum": kinds.Float("momentum", 0.01, 0.99, sampling="reverse_log"),
    "decay": kinds.Int("decay", 1, 8, step=2, sampling="reverse_log"),
    "optimizer": kinds.Choice("optimizer", ["sgd", "adam", "a,b", "1..2"]),
    "filters": kinds.Choice("filters", [16, 32, 64]),
    "scale": kinds.Choice("scale", [0.5, 1.0, 2.0]),
    "augment": kinds.Boolean("augment"),
    "epochs": kinds.Fixed("epochs", 10),
}


def left(text: str) -> Any:
    """What may still be drawn: Optuna's distribution, or the one value."""
    narrowing = parse_narrowing(text)
    hp = narrowing.apply(RANGES[narrowing.name])
    return hp.value if isinstance(hp, kinds.Fixed) else study_parameter(hp).distribution


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n_hidden=1..4", IntDistribution(1, 4)),
        ("n_hidden=3", IntDistribution(3, 3)),
        ("n_hidden=1,4", CategoricalDistribution((1, 4))),
        (" n_hidden = 1 .. 4 ", IntDistribution(1, 4)),
        ("n_neurons=64..256", IntDistribution(64, 256, step=32)),
        ("n_neurons=40..200", IntDistribution(64, 192, step=32)),
        ("n_neurons=64,128", CategoricalDistribution((64, 128))),
        ("width=100..200", IntDistribution(100, 200, log=True)),
        ("batch_size=10..100", CategoricalDistribution((16, 32, 64))),
        ("batch_size=64", CategoricalDistribution((64,))),
        ("learning_rate=1e-3..1e-2", FloatDistribution(1e-3, 1e-2, log=True)),
        ("learning_rate=0.01", FloatDistribution(0.01, 0.01, log=True)),
        ("dropout=0.2..0.35", FloatDistribution(0.2, 0.3, step=0.1)),
        ("dropout=0.3..0.5", FloatDistribution(0.3, 0.5, step=0.1)),
        ("shift=-0.5..0.5", FloatDistribution(-0.5, 0.5)),
        ("momentum=0.9..0.99", FloatDistribution(0.9, 0.99, log=True)),
        ("decay=5..8", CategoricalDistribution((5, 7, 8))),
        ("optimizer=adam", CategoricalDistribution(("adam",))),
        ("optimizer=adam,sgd", CategoricalDistribution(("adam", "sgd"))),
        ("optimizer=a,b", CategoricalDistribution(("a,b",))),
        ("optimizer=1..2", CategoricalDistribution(("1..2",))),
        ("filters=32..64", CategoricalDistribution((32, 64))),
        ("filters=16", CategoricalDistribution((16,))),
        ("scale=1", CategoricalDistribution((1.0,))),
        ("augment=true", True),
        ("augment=False", False),
        ("augment=true,false", CategoricalDistribution((False, True))),
    ],
)
def test_a_hyperparameter_is_kept_to_a_part_of_its_values(text: str, expected: Any) -> None:
    assert left(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n_hidden=1..9", "the range must lie within the space's\nAllowed: 0..8"),
        ("n_hidden=-1", "n_hidden must be one of the space's values, got '-1'\nAllowed: 0..8"),
        ("n_hidden=4..1", "low <= high must hold, got low=4, high=1"),
        ("n_hidden=two", "n_hidden must be an integer, got 'two'"),
        ("n_hidden=1.5", "n_hidden must be an integer, got '1.5'"),
        ("n_hidden=1..", "n_hidden must be an integer, got ''"),
        ("n_hidden=1,,2", "n_hidden must be an integer, got ''"),
        ("n_hidden=true", "n_hidden must be an integer, got 'true'"),
        ("n_hidden=1,2,01", "values must differ, got 1 more than once"),
        ("augment=true,True", "values must differ, got True more than once"),
        ("n_neurons=100", "must be one of the space's values, got '100'\nAllowed: 32..512 in steps of 32"),
        ("n_neurons=40..60", "no value of the space lies in it\nAllowed: 32..512 in steps of 32"),
        ("batch_size=10..15", "no value of the space lies in it\nAllowed: 2, 4, 8, 16, 32, 64, 128, 256"),
        ("learning_rate=1e-6..1e-2", "the range must lie within the space's\nAllowed: 0.0001..0.1 (log)"),
        ("learning_rate=nan", "learning_rate must be a finite number, got 'nan'"),
        ("learning_rate=1e-4..inf", "learning_rate must be a finite number, got 'inf'"),
        ("momentum=0.5..1", "the range must lie within the space's\nAllowed: 0.01..0.99 (reverse_log)"),
        (
            "optimizer=adm",
            "optimizer must be one of the space's values, got 'adm'\nAllowed: sgd, adam, a,b, 1..2",
        ),
        ("optimizer=a..b", "LOW..HIGH is for numbers\nAllowed: sgd, adam, a,b, 1..2"),
        ("filters=20..30", "no value of the space lies in it\nAllowed: 16, 32, 64"),
        ("augment=maybe", "augment must be true or false, got 'maybe'"),
        ("augment=0..1", "LOW..HIGH is for numbers\nAllowed: False, True"),
        ("epochs=20", "epochs is fixed at 10 by the space"),
    ],
)
def test_what_is_no_part_of_the_space_is_refused_with_what_is(text: str, message: str) -> None:
    with pytest.raises(InputError) as wrong:
        left(text)
    assert str(wrong.value).startswith(f"--set {text}: ")
    assert message in str(wrong.value)
    assert len(str(wrong.value).splitlines()) <= 2


@pytest.mark.parametrize("text", ["", "n_hidden", "n_hidden=", "=3", " = "])
def test_what_is_not_of_the_form_name_equals_values_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--set must be NAME=VALUE, NAME=LOW..HIGH or NAME=A,B,C, got"):
        parse_narrowing(text)


def test_a_space_knows_which_names_may_be_set() -> None:
    space = {name: (hp,) for name, hp in RANGES.items()}
    check_narrowings([parse_narrowing("n_hidden=1..4"), parse_narrowing("optimizer=sgd")], space)
    with pytest.raises(InputError, match=r"unknown hyperparameter 'learning_rat'. Did you mean 'learning_rate'\?"):
        check_narrowings([parse_narrowing("learning_rat=1")], space)
    with pytest.raises(InputError, match="must name a hyperparameter once, got n_hidden=1 and n_hidden=2"):
        check_narrowings([parse_narrowing("n_hidden=1"), parse_narrowing("n_hidden=2")], space)
    with pytest.raises(InputError, match=r"Allowed: 0..8"):
        check_narrowings([parse_narrowing("n_hidden=9")], space)


def test_what_a_space_keeps_at_one_value_is_so_unless_something_else_is_asked_for() -> None:
    class Space:
        kept: ClassVar[dict[str, str]] = {"optimizer": "sgd"}

    assert list(map(str, narrowings_of(["n_hidden=2"], Space()))) == ["n_hidden=2", "optimizer=sgd"]
    assert list(map(str, narrowings_of(["optimizer=adam,sgd"], Space()))) == ["optimizer=adam,sgd"]
    assert narrowings_of([], object()) == ()


@pytest.mark.parametrize("name", SPACES)
def test_each_registered_space_has_what_it_keeps_to(name: str) -> None:
    space = SPACES[name](DataSpec(InputSpec((4,), "float32"), "sparse", 3))
    found = discover(space.build)
    kept = [one for one in narrowings_of([], space) if one.name in found]
    assert {"optimizer", "learning_rate", "activation"} <= {one.name for one in kept}
    for one in kept:
        for hp in found[one.name]:
            one.apply(hp)


def test_a_value_beyond_what_is_kept_is_refused_with_the_set_that_allows_it() -> None:
    units = kinds.Int("units", 1, 100)
    Narrowing("units", "10..20").check(15, [units])
    with pytest.raises(InputError, match=r"units is kept at 10..20: free it by --set units=10..50"):
        Narrowing("units", "10..20").check(50, [units])
    with pytest.raises(InputError, match=r"units is kept at 10: free it by --set units=10,5"):
        Narrowing("units", "10").check(5, [units])
    with pytest.raises(InputError, match=r"units must be one of the space's values, got 101"):
        Narrowing("units", "10").check(101, [units])


def test_a_name_with_several_declarations_must_fit_all_of_them() -> None:
    def declare(hp: keras_tuner.HyperParameters) -> None:
        hp.Choice("kind", ["wide", "deep"])
        hp.Int("units", 8, 200, parent_name="kind", parent_values=["wide"])
        hp.Int("units", 1, 10, parent_name="kind", parent_values=["deep"])

    space = discover(declare)
    check_narrowings([parse_narrowing("units=8..10")], space)
    with pytest.raises(InputError, match=r"Allowed: 1..10"):
        check_narrowings([parse_narrowing("units=8..11")], space)


@pytest.mark.parametrize("text", ["n_hidden=3..8", "n_hidden=0..1", "n_hidden=5,6", "learning_rate=0.01..0.1"])
def test_the_default_moves_into_what_is_left(text: str) -> None:
    narrowing = parse_narrowing(text)
    hp = narrowing.apply(RANGES[narrowing.name])
    allowed = listed_values(hp) or (hp.min_value, hp.max_value)
    assert min(allowed) <= hp.default <= max(allowed)


def test_conditions_stay() -> None:
    hp = keras_tuner.HyperParameters()
    hp.Boolean("drop")
    hp.Float("rate", 0.0, 0.5, parent_name="drop", parent_values=[True])
    declared = hp.space[-1]
    for text in ("rate=0.1..0.2", "rate=0.1", "rate=0.1,0.2"):
        assert parse_narrowing(text).apply(declared).conditions == declared.conditions


def test_a_narrowing_is_a_value_that_is_written_as_it_is_read() -> None:
    narrowing = parse_narrowing("learning_rate=1e-4..1e-2")
    assert pickle.loads(pickle.dumps(narrowing)) == narrowing == Narrowing("learning_rate", "1e-4..1e-2")
    assert parse_narrowing(str(narrowing)) == narrowing


def everything(hp: kinds.Int) -> set[int]:
    """All values of a hyperparameter."""
    if hp.step is None:
        return set(range(hp.min_value, hp.max_value + 1))
    return {int(value) for value in hp.values}


bounds = st.tuples(st.integers(1, 400), st.integers(0, 400), st.integers(1, 9))


@settings(deadline=None)  # two cores may be shared with other processes
@given(bounds, st.sampled_from(["linear", "log", "reverse_log"]), st.data())
def test_whatever_part_is_kept_lies_in_the_space_and_in_the_part(
    bounds: tuple[int, int, int], sampling: str, data: st.DataObject
) -> None:
    low, more, step = bounds
    used = step if sampling == "linear" else (step + 1 if step > 1 else None)
    hp = kinds.Int("n", low, low + more, step=used, sampling=sampling)
    first = data.draw(st.integers(low, low + more))
    last = data.draw(st.integers(first, low + more))
    narrowing = parse_narrowing(f"n={first}..{last}")
    if not any(first <= value <= last for value in everything(hp)):
        with pytest.raises(InputError, match="no value of the space lies in it"):
            narrowing.apply(hp)
        return
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(4):
        value = study_parameter(narrowing.apply(hp)).suggest(study.ask())
        assert first <= value <= last
        assert value in everything(hp)
