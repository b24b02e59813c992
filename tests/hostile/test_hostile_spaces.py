"""Search spaces and what narrows them: seen by one real worker, before anything is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hostile.cases import Content, Hostile, hostile
from hostile.conftest import Refused

MODEL = """
import keras

def build(hp):
    units = {units}
    inputs = keras.Input((8, 8))
    hidden = keras.layers.Dense(units)(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, keras.layers.Dense({outputs}, activation="softmax")(hidden))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    {last}
"""


def space(name: str, *says: str, units: str = "4", outputs: str = "10", last: str = "return model") -> Any:
    """A space of digits, of which one thing is hostile."""
    return code(name, MODEL.format(units=units, outputs=outputs, last=last), *says)


def code(name: str, content: Content, *says: str, function: str = "build") -> Any:
    return hostile(name, ["run", "s", "--space", f"h.py:{function}"], *says, **{"h.py": content})


def narrowed(name: str, text: str, *says: str) -> Any:
    return hostile(f"set {name}", ["run", "s", "--set", text], "--set", *says)


def enqueued(name: str, values: dict[str, Any], *says: str, sampler: str = "tpe") -> Any:
    arguments = ["run", "s", "--enqueue", "t.json", "--sampler", sampler]
    return hostile(f"enqueue {name}", arguments, *says, **{"t.json": json.dumps([values])})


SPACES = [
    space("low above high", "h.py", "line 5", "units", units='hp.Int("units", 8, 4)'),
    space("float low above high", "line 5", "units", units='int(hp.Float("units", 8.0, 4.0))'),
    space("log from 0", "line 5", "units", units='hp.Int("units", 0, 4, sampling="log")'),
    space("log from below 0", "line 5", "units", units='hp.Int("units", -4, 4, sampling="log")'),
    space("reverse log from 0", "line 5", "units", units='int(hp.Float("units", 0.0, 4.0, sampling="reverse_log"))'),
    space("unknown sampling", "line 5", units='hp.Int("units", 1, 4, sampling="exp")'),
    space("step 0", "units", "step", "above 0", "got 0", units='hp.Int("units", 1, 4, step=0)'),
    space("step below 0", "units", "step", "above 0", "got -1", units='hp.Int("units", 1, 4, step=-1)'),
    space("log with step 1", "line 5", "units", "step", units='hp.Int("units", 1, 4, step=1, sampling="log")'),
    space("step of nan", "units", "step", units='int(hp.Float("units", 1.0, 4.0, step=float("nan")))'),
    space("no choices", "line 5", units='hp.Choice("units", [])'),
    space("choices of two kinds", "line 5", units='hp.Choice("units", [4, "four"])'),
    space("choices that are lists", "line 5", units='hp.Choice("units", [[4], [8]])[0]'),
    space("a choice twice", "units", "differ", "got 4 more than once", units='hp.Choice("units", [4, 8, 4])'),
    space("a text twice", "kind", "differ", "got 'a' more than once", units='len(hp.Choice("kind", ["a", "a"]))'),
    space("choices with nan", "units", "nan", units='int(hp.Choice("units", [4.0, float("nan")]))'),
    space("default beyond the range", "units", "1..4", "got 9", units='hp.Int("units", 1, 4, default=9)'),
    space("default among no choices", "line 5", units='hp.Choice("units", [4, 8], default=9)'),
    space("nan for a bound", "units", "finite", "nan", units='int(hp.Float("units", 1.0, float("nan")))'),
    space("infinity for a bound", "units", "finite", "inf", units='int(hp.Float("units", 1.0, float("inf")))'),
    space("text for a bound", "line 5", "min_value", "1", units='hp.Int("units", "1", 4)'),
    space("half a unit", "line 5", "min_value", "1.5", units='hp.Int("units", 1.5, 4)'),
    space("declared in two ways", "units", "alike", units='hp.Int("units", 1, 4) + hp.Int("units", 1, 5)'),
    space("a name of 1,001 characters", "1000", "1001", units='hp.Int("x" * 1001, 1, 4)'),
    space("a name with a newline", "printable", r"got 'a\nb'", units=r'hp.Int("a\nb", 1, 4)'),
    space(
        "a parent that is not there",
        "parent",
        "'mood'",
        units='hp.Int("u", 1, 4, parent_name="mood", parent_values=[1])',
    ),
    space("a name with right-to-left marks", "printable", r"got '\u202ex'", units='hp.Int("\u202ex", 1, 4)'),
    space("a choice of 7,000 characters", "units", "6000", "7000", units='len(hp.Choice("units", ["x" * 7000]))'),
    space("no units", "units=0", "positive", units="0"),
    space("fewer than no units", "units=-4", "positive", units="-4"),
    space("a billion units", "memory", "GiB", units="1_000_000_000"),
    space("a billion of billions", "h.py", units="10**18"),
    space("all values too large", "memory", "GiB", units='hp.Int("units", 10**9, 10**9 + 4)'),
    space("too few outputs", "9 outputs", "up to 9", outputs="9"),
    space("no model", "keras.Model", "got NoneType", last="return None"),
    space("a class for a model", "keras.Model", "got type", last="return keras.Model"),
    space("not compiled", "compiled", last="model.compiled = False; return model"),
    space("an exception", "ZeroDivisionError", "line 10", last="return 1 / 0"),
    space("an exit", "SystemExit", "h.py", last="raise SystemExit(0)"),
    space("an exception without a text", "AssertionError", "line 10", last="assert False"),
    space("a password", "postgresql://u:***@h/d", last='raise OSError("postgresql://u:s3cret@h/d is away")'),
    code("recursion without end", "def build(hp):\n    return build(hp)", "RecursionError", "line 2"),
    code("no python", "def build(hp:", "SyntaxError", "h.py", "line 1"),
    code("empty", b"", "h.py", "empty"),
    code("binary", b"\x00\x01\xff", "h.py", "cannot be loaded"),
    code("a pickle", b"\x80\x04\x95", "h.py", "cannot be loaded"),
    code("exits at once", "import sys\nsys.exit(3)", "h.py", "SystemExit"),
    code("imports what is not there", "import not_there", "h.py", "not_there", "line 1"),
    code("no such function", "def built(hp): ...", "'build'", "Did you mean 'built'"),
    code("no function", "build = 3", "h.py:build", "function build(hp)", "int"),
    code("too many arguments", "def build(hp, data): ...", "one argument", "build(hp, data)"),
    code("no arguments", "def build(): ...", "one argument", "build()"),
    code("a function without a name", "def build(hp): ...", "function in", function=""),
    hostile("space in a file without a function", ["run", "s", "--space", "h.py"], "FILE.py:FUNCTION", "'h.py'"),
    hostile("no space", ["run", "s", "--space", ""], "space ''", "Allowed:"),
    hostile("a colon for a space", ["run", "s", "--space", ":"], "space ':'", "Allowed:"),
    hostile("a misspelt space", ["run", "s", "--space", "mlpp"], "space 'mlpp'", "Did you mean 'mlp'"),
    hostile("a module that is not there", ["run", "s", "--space", "not_there:build"], "module", "'not_there'"),
    hostile("a relative module", ["run", "s", "--space", "..os:system"], "'..os'"),
    hostile("a metric that is not there", ["run", "s", "--objective", "val_acuracy"], "'val_acuracy'", "val_accuracy"),
    hostile("a direction that is none", ["run", "s", "--objective", "val_loss:up"], "NAME:min", "'val_loss:up'"),
    hostile("an empty objective", ["run", "s", "--objective", ""], "metric", "''"),
]

NARROWINGS = [
    narrowed("empty", "", "NAME=VALUE", "got ''"),
    narrowed("without values", "n_hidden=", "NAME=VALUE", "got 'n_hidden='"),
    narrowed("without a name", "=3", "NAME=VALUE", "got '=3'"),
    hostile("set unknown", ["run", "s", "--set", "n_hiden=3"], "'n_hiden'", "Did you mean 'n_hidden'", "Allowed:"),
    narrowed("low above high", "n_hidden=4..1", "low <= high", "low=4, high=1"),
    narrowed("beyond the space", "n_hidden=1..99", "Allowed: 0..8"),
    narrowed("half open", "n_hidden=1..", "n_hidden", "got ''"),
    narrowed("text for a number", "n_hidden=two", "integer", "'two'"),
    narrowed("boolean for a number", "n_hidden=true", "integer", "'true'"),
    narrowed("nan", "learning_rate=nan", "finite", "'nan'"),
    narrowed("infinity", "learning_rate=1e-4..inf", "finite", "'inf'"),
    narrowed("unknown choice", "optimizer=sdg", "optimizer", "'sdg'", "Allowed:"),
    narrowed("a number twice", "n_hidden=1,2,1", "differ", "got 1 more than once"),
    narrowed("a choice twice", "optimizer=adam,adam", "differ", "got 'adam' more than once"),
    narrowed(
        "a number of 400 digits",
        "n_hidden=" + "9" * 400,
        "n_hidden",
        "one of the space's",
        "(402 characters)",
        "Allowed: 0..8",
    ),
    narrowed("a number of 5,000 digits", "n_hidden=" + "9" * 5000, "n_hidden", "an integer", "(5002 characters)"),
    hostile(
        "set twice", ["run", "s", "--set", "n_hidden=1", "--set", "n_hidden=2"], "once", "n_hidden=1", "n_hidden=2"
    ),
]

TRIALS = [
    enqueued("unknown name", {"n_hiden": 3}, "'n_hiden'", "Did you mean 'n_hidden'"),
    enqueued("beyond the range", {"n_hidden": 99}, "n_hidden", "got 99", "Allowed: 0..8"),
    enqueued("text for a number", {"n_hidden": "many"}, "n_hidden", "integer", "'many'"),
    enqueued("boolean for a number", {"n_hidden": True}, "n_hidden", "integer", "True"),
    enqueued("half a layer", {"n_hidden": 1.5}, "n_hidden", "integer", "1.5"),
    enqueued("nothing for a number", {"n_hidden": None}, "n_hidden", "integer", "None"),
    enqueued("list for a number", {"n_hidden": [1]}, "n_hidden", "integer", "[1]"),
    enqueued("nan", {"learning_rate": float("nan")}, "learning_rate", "finite", "nan"),
    enqueued("infinity", {"learning_rate": float("inf")}, "learning_rate", "finite", "inf"),
    enqueued(
        "an integer of 400 digits",
        {"n_hidden": 10**400},
        "n_hidden",
        "one of the space's",
        "(401 characters)",
        "Allowed: 0..8",
    ),
    enqueued("a float of 400 digits", {"learning_rate": 10**400}, "learning_rate", "finite number"),
    enqueued("unknown choice", {"optimizer": "sdg"}, "optimizer", "'sdg'", "Allowed:"),
    enqueued("off the grid", {"learning_rate": 0.00123}, "learning_rate", "0.00123", "Allowed:", sampler="grid"),
]


@pytest.mark.parametrize("case", SPACES)
def test_a_hostile_space_is_refused(case: Hostile, refused: Refused, one_worker: None) -> None:
    refused(case)


@pytest.mark.parametrize("case", NARROWINGS)
def test_a_hostile_narrowing_is_refused(case: Hostile, refused: Refused, one_worker: None) -> None:
    refused(case)


@pytest.mark.parametrize("case", TRIALS)
def test_a_hostile_enqueued_trial_is_refused(case: Hostile, refused: Refused, one_worker: None) -> None:
    refused(case)
