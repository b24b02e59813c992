"""A space by its name, and the model that it builds."""

from __future__ import annotations

import pickle
from itertools import count
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from search_spaces import DataSpec, InputSpec
from search_spaces.mlp import MLP
from sweeps.errors import InputError
from sweeps.space.discovery import discover
from sweeps.space.resolve import BuildFunction, build, declaration, explain, load_file, resolve

numbers = count()  # a module of one name is loaded once
DIGITS = DataSpec(InputSpec((8, 8), "uint8", high=16.0), "sparse", 10)

MODULE = """
import keras
import keras_tuner

loads = []
loads.append(1)


def build(hp):
    model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(hp.Int("units", 10, 12), activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Space(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)


class Sized(Space):
    def __init__(self, size):
        super().__init__()


space = Space()
number = 3


def two(hp, other):
    return None


def none(hp):
    return None


def raw(hp):
    return keras.Sequential([keras.layers.Dense(1)])


def broken(hp):
    return keras.layers.Dense(
        -1
    )


def inside(hp):
    import json
    return json.loads("{")
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module and of a file in the working directory."""
    name = f"own_{next(numbers)}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_registered_space_is_made_for_the_data() -> None:
    space = resolve("mlp", DIGITS)
    assert isinstance(space, MLP)
    assert space.spec is DIGITS


@pytest.mark.parametrize("attribute", ["build", "Space", "space"])
@pytest.mark.parametrize("ending", ["", ".py"])
def test_a_person_s_function_class_or_instance_is_a_space_by_module_and_by_file(
    module: str, ending: str, attribute: str
) -> None:
    space = resolve(f"{module}{ending}:{attribute}", DIGITS)
    assert isinstance(space, keras_tuner.HyperModel)
    assert build(space, keras_tuner.HyperParameters()).output_shape == (None, 10)


def test_a_function_or_space_itself_is_taken_too(module: str) -> None:
    own = load_file(f"{module}.py")
    assert build(resolve(own.build, DIGITS), keras_tuner.HyperParameters()).output_shape == (None, 10)
    assert resolve(own.space, DIGITS) is own.space


def test_a_file_is_run_once_a_process_whatever_path_names_it(module: str, tmp_path: Path) -> None:
    first = load_file(f"{module}.py")
    assert load_file(str(tmp_path / f"{module}.py")) is first
    assert first.loads == [1]


def test_a_file_can_import_what_lies_beside_it(tmp_path: Path) -> None:
    name = f"beside_{next(numbers)}"
    (tmp_path / f"{name}.py").write_text("answer = 42\n")
    (tmp_path / "space.py").write_text(f"from {name} import answer\n")
    assert load_file(str(tmp_path / "space.py")).answer == 42


def test_the_space_of_a_file_survives_pickling_where_the_file_is_loaded(module: str) -> None:
    space = resolve(f"{module}.py:build", DIGITS)
    again = pickle.loads(pickle.dumps(space))
    assert build(again, keras_tuner.HyperParameters()).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mpl", "unknown space 'mpl'. Did you mean 'mlp'?\nAllowed: mlp, "),
        ("{module}.py", "a space in a file must be named FILE.py:FUNCTION, got '{module}.py'"),
        ("nowhere.py:build", "the file of a space must exist, got 'nowhere.py'"),
        ("nowhere:build", "the module of a space must exist, got 'nowhere'"),
        ("{module}.nowhere:build", "the module of a space must exist, got '{module}.nowhere'"),
        ("{module}:biuld", "unknown function in {module} 'biuld'. Did you mean 'build'?"),
        ("{module}.py:biuld", "unknown function in {module}.py 'biuld'. Did you mean 'build'?"),
        ("{module}:", "unknown function in {module} ''"),
        (":build", "unknown space ':build'"),
        ("{module}:number", "must be a function build(hp) or a HyperModel, got int"),
        ("{module}:two", "must take one argument, build(hp), got two(hp, other)"),
        ("{module}:Sized", "must be made without arguments: "),
    ],
)
def test_a_wrong_name_is_refused_with_the_part_that_is_wrong(module: str, name: str, message: str) -> None:
    with pytest.raises(InputError) as wrong:
        resolve(name.format(module=module), DIGITS)
    assert message.format(module=module) in str(wrong.value)
    assert len(str(wrong.value).splitlines()) <= 2


@pytest.mark.parametrize("ending", ["", ".py"])
@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("import keras\n\n1 / 0\n", "ZeroDivisionError: division by zero", 3),
        ("def build(hp)\n    pass\n", "SyntaxError: expected ':'", 1),
        ("import keras\nimport no_such_thing\n", "ModuleNotFoundError: No module named 'no_such_thing'", 2),
    ],
)
def test_a_module_that_cannot_be_run_is_refused_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, text: str, message: str, line: int
) -> None:
    name = f"broken_{next(numbers)}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):  # a failed module is not taken for a loaded one
        with pytest.raises(InputError) as wrong:
            resolve(f"{name}{ending}:build", DIGITS)
        assert f"cannot be loaded: {message}" in str(wrong.value)
        assert f"{name}.py, line {line})" in str(wrong.value)
        assert len(str(wrong.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("none", "space 'none' must build a keras.Model, got NoneType"),
        ("raw", "space 'raw' must build a compiled model, got one without model.compile(…)"),
        ("broken", "space 'broken' cannot build a model: ValueError: "),
        ("inside", "space 'inside' cannot build a model: JSONDecodeError: "),
    ],
)
def test_a_build_function_that_gives_no_trainable_model_is_refused(module: str, attribute: str, message: str) -> None:
    with pytest.raises(InputError) as wrong:
        build(resolve(f"{module}.py:{attribute}", DIGITS), keras_tuner.HyperParameters())
    assert str(wrong.value).startswith(message)
    assert len(str(wrong.value).splitlines()) == 1


@pytest.mark.parametrize(("attribute", "statement"), [("broken", "keras.layers.Dense("), ("inside", "json.loads")])
def test_the_line_that_is_named_is_the_person_s_own(module: str, attribute: str, statement: str) -> None:
    with pytest.raises(InputError) as wrong:
        build(resolve(f"{module}.py:{attribute}", DIGITS), keras_tuner.HyperParameters())
    line = int(str(wrong.value).rpartition("line ")[2].rstrip(")"))
    assert statement in MODULE.splitlines()[line - 1]


def test_a_space_s_own_error_message_is_not_wrapped_twice() -> None:
    def function(hp: Any) -> None:
        raise InputError("units must be small, got 3")

    with pytest.raises(InputError, match=r"^units must be small, got 3$"):
        build(BuildFunction(function), keras_tuner.HyperParameters())


class Normalizing(keras_tuner.HyperModel):  # type: ignore[misc]
    """The chapter's: one more hyperparameter, drawn in `fit`, and what follows from the history."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        model = keras.Sequential([keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10)])
        model.compile(loss="mse")
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> float:
        if hp.Boolean("normalize"):
            layer = keras.layers.Normalization()
            layer.adapt(x)
            x = layer(x)
        history = model.fit(x, y, **kwargs)
        weights = model.get_weights()
        assert not np.any(weights[1])
        return float(min(history.history["val_loss"])) * hp.Float("scale", 0.5, 1.0)


def test_hyperparameters_drawn_in_fit_are_declared_without_training() -> None:
    x, y = np.ones((4, 8, 8), "float32"), np.ones((4, 10), "float32")
    found = discover(declaration(Normalizing(), x, y, validation_data=(x, y), epochs=1))
    assert set(found) == {"normalize", "scale"}
    assert "batch_size" in discover(declaration(resolve("mlp", DIGITS), x, y))


def test_a_fit_that_raises_is_refused_with_its_text() -> None:
    class Raising(Normalizing):
        def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> float:
            raise KeyError("units")

    with pytest.raises(InputError, match=r"cannot fit a model: KeyError: 'units' \(.*test_resolve.py, line \d+\)$"):
        discover(declaration(Raising()))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "\nObject A was created by passing\nnon-serializable values,\nand must have `get_config`.\n\nExample:\n\nx",
            "Object A was created by passing non-serializable values, and must have `get_config`.",
        ),
        (
            "Graph execution error:\n\nDetected at node Equal defined at (most recent call last):\n"
            "<stack traces unavailable>\nIncompatible shapes: [32,10] vs. [32,3]\n\t [[{{node Equal}}]] [Op:__f]",
            "Incompatible shapes: [32,10] vs. [32,3]",
        ),
        (
            "Exception encountered when calling Dense.call().\n\n\x1b[1mshapes differ\x1b[0m\n\n"
            "Arguments received by Dense.call():\n  • inputs=x",
            "shapes differ",
        ),
    ],
)
def test_an_error_is_explained_by_its_cause_whichever_line_that_is_on(message: str, said: str) -> None:
    assert explain(ValueError(message)) == f"ValueError: {said}"
