"""Whatever is generated: a configuration comes back from its command line, a space's trials from their records."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sweeps.cli.command_line import command
from sweeps.cli.main import cli
from sweeps.cli.run import run
from sweeps.config import SweepConfig, load_config
from sweeps.errors import InputError
from sweeps.space.discovery import ambiguous, discover, point
from sweeps.space.hyperparameters import SuggestedHyperParameters

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)
#: what a command line can hold: no NUL, no lone surrogate
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)

options = st.fixed_dictionaries(
    {},
    optional={
        "study": names,
        "dataset": texts,
        "target": texts,
        "space": texts,
        "trials": st.integers(1, 1_000_000),
        "epochs": st.integers(1, 1_000_000),
        "jobs": st.integers(1, 1024),
        "seed": st.integers(0, 2**32 - 1),
        "sampler": texts,
        "pruner": texts,
        "sampler_options": st.dictionaries(st.sampled_from(["startup", "other"]), st.integers(1, 1_000_000)),
        "objective": texts,
        "set": st.lists(texts, max_size=3),
        "time_budget": st.floats(0, 86400 * 365, exclude_min=True),
    },
)


def parsed(line: str) -> SweepConfig:
    """The configuration of a command line as a shell would hand it over."""
    program, *arguments = shlex.split(line)
    assert program == "sweeps"
    context = run.make_context("run", arguments[1:])
    given = dict(context.params)
    file = given.pop("config")
    given["set"] = list(given.pop("set_")) or None
    return load_config(given, file)


@settings(deadline=None, max_examples=300)
@given(options)
@example({"sampler_options": {"startup": 1_000_000}})
@example({"sampler_options": {"startup": 123_457}})
def test_the_command_that_is_printed_to_resume_asks_for_the_same_configuration(given_: dict[str, Any]) -> None:
    config = load_config(given_)
    assert parsed(command(config)) == config


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from([*SweepConfig.model_fields, "trails"]) | st.text(max_size=8), anything))
def test_whatever_a_configuration_holds_it_is_taken_or_refused_in_two_lines(given_: dict[str, Any]) -> None:
    said = ""
    try:
        config = load_config(given_)
    except InputError as error:
        said = str(error)
    else:
        assert config == load_config(config.model_dump())
    assert len(said.splitlines()) <= 2


@settings(deadline=None, max_examples=50)
@given(st.lists(texts.filter(lambda text: text not in ("-h", "--help")), max_size=6))
def test_whatever_is_typed_there_is_no_traceback(arguments: list[str]) -> None:
    done = CliRunner().invoke(cli, ["predict", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit | InputError)


#: asks a container for one hyperparameter, under a name
Ask = Callable[[keras_tuner.HyperParameters, str], Any]


@st.composite
def kinds(draw: st.DrawFn) -> Ask:
    """A hyperparameter of any kind, with any bounds, steps and sampling that it may have."""
    kind = draw(st.sampled_from(["int", "float", "choice", "boolean", "fixed"]))
    if kind == "int":
        low = draw(st.integers(1, 50))
        high = low + draw(st.integers(0, 500))
        sampling = draw(st.sampled_from(["linear", "log", "reverse_log"]))
        step = draw(st.none() | st.integers(1 if sampling == "linear" else 2, 9))
        return lambda hp, name: hp.Int(name, low, high, step=step, sampling=sampling)
    if kind == "float":
        bottom = draw(st.floats(1e-6, 1e3))
        top = bottom + draw(st.floats(0, 1e3))
        way = draw(st.sampled_from(["linear", "log", "reverse_log"]))
        return lambda hp, name: hp.Float(name, bottom, top, sampling=way)
    if kind == "choice":
        values = draw(
            st.lists(st.integers(-9, 9), min_size=1, max_size=5, unique=True)
            | st.lists(st.text(max_size=9), min_size=1, max_size=5, unique=True)
            | st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5, unique=True)
        )
        return lambda hp, name: hp.Choice(name, values)
    if kind == "boolean":
        return lambda hp, name: hp.Boolean(name)
    value = draw(st.integers() | st.text(max_size=9) | st.booleans())
    return lambda hp, name: hp.Fixed(name, value)


@st.composite
def spaces(draw: st.DrawFn) -> Callable[[keras_tuner.HyperParameters], None]:
    """A space: some hyperparameters, some of them only where a switch is on, some in a scope of names."""
    always, conditional, scoped = (draw(st.lists(kinds(), max_size=3)) for _ in range(3))

    def declare(hp: keras_tuner.HyperParameters) -> None:
        for number, ask in enumerate(always):
            ask(hp, f"a{number}")
        hp.Boolean("on")
        with hp.conditional_scope("on", True):
            for number, ask in enumerate(conditional):
                ask(hp, f"c{number}")
        with hp.name_scope("deep"):
            for number, ask in enumerate(scoped):
                ask(hp, f"s{number}")

    return declare


@settings(deadline=None, max_examples=150)
@given(spaces(), st.integers(0, 2**32 - 1), st.booleans())
def test_what_a_space_is_found_to_have_suggested_recorded_and_enqueued_is_one_point(
    declare: Callable[[keras_tuner.HyperParameters], None], seed: int, grid: bool
) -> None:
    found = discover(declare)
    assert ambiguous(found) == frozenset()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    suggested = SuggestedHyperParameters(study.ask(), grid=grid)
    declare(suggested)
    values = suggested.active_values
    assert values.keys() <= found.keys()
    assert all(name in values for name in found if not name.startswith("c") or values["on"])

    study.enqueue_trial(dict(point(declare, found, values, grid=grid).params))
    again = SuggestedHyperParameters(study.ask(), grid=grid)
    declare(again)
    assert again.active_values == values
