"""The names that KerasTuner's users import, and the errors that they catch."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pytest
from support import ROOT

import sweeps.tuner as kt
from sweeps.errors import InputError

MODULES = (
    *("applications", "errors", "oracles", "tuners", "engine", "engine.base_tuner", "engine.hypermodel"),
    *("engine.hyperparameters", "engine.metrics_tracking", "engine.oracle", "engine.trial", "engine.tuner"),
)
#: the classes that are ours
OURS = {"BaseTuner", "BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner", "Tuner"}


def public(module: Any) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_")}


@pytest.mark.parametrize("name", MODULES)
def test_each_module_of_keras_tuner_has_its_names_here(name: str) -> None:
    theirs, ours = import_module(f"keras_tuner.{name}"), import_module(f"sweeps.tuner.{name}")
    # as tuners of one's own are made
    assert public(theirs) - {"Tuner", "SklearnTuner"} <= public(ours)
    for shared in public(theirs) - OURS:
        same = getattr(ours, shared) is getattr(theirs, shared)
        assert same or f"{name}.{shared}".removeprefix("engine.") in (*MODULES, *public(kt.engine))


def test_all_tuners_are_base_tuners_as_there() -> None:
    base, theirs = kt.engine.base_tuner.BaseTuner, keras_tuner.engine.base_tuner.BaseTuner
    tuners = [getattr(kt, name) for name in OURS - {"BaseTuner"}]
    assert all(issubclass(tuner, base) and issubclass(tuner, theirs) for tuner in tuners)
    assert issubclass(kt.SklearnTuner, keras_tuner.SklearnTuner)
    assert not issubclass(kt.SklearnTuner, kt.Tuner)


def test_a_modules_names_are_those_that_an_editor_completes() -> None:
    assert {"RandomSearch", "Hyperband", "HyperModel", "applications", "engine", "Oracle"} <= public(kt)
    assert all(getattr(kt, name) is not None for name in dir(kt))
    assert kt.__version__ == keras_tuner.__version__
    assert public(kt.engine) == public(keras_tuner.engine)


def test_no_module_of_the_package_imports_tensorflow_before_it_is_asked() -> None:
    script = "import sys, sweeps.tuner, sweeps.tuner.engine; print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


class Raising(kt.HyperModel):
    """Does not call `super().__init__()`, and ends the search in its `fit`, or builds no model."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def build(self, hp: kt.HyperParameters) -> Any:
        units = hp.Int("units", 2, 4)
        if self.error is None:
            return "no model"
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units), keras.layers.Dense(10)])
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        return model

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        assert self.error is not None
        raise self.error


class OwnFatal(kt.errors.FatalValueError):
    """A class of the user's own."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (kt.errors.FatalError("enough"), kt.errors.FatalError),
        (kt.errors.FatalValueError("enough"), kt.errors.FatalValueError),
        (OwnFatal("enough"), kt.errors.FatalValueError),
    ],
)
def test_a_fatal_error_comes_out_of_a_search_as_keras_tuners_class(
    error: Exception, kind: type[Exception], tmp_path: Path, digits: Any
) -> None:
    tuner = kt.RandomSearch(Raising(error), "val_accuracy", max_trials=2, directory=tmp_path)
    with pytest.raises(kind, match="enough") as raised:
        tuner.search(*digits.train, validation_data=digits.valid, verbose=0)
    assert type(raised.value) is kind


def test_a_function_that_builds_no_model_is_a_fatal_type_error(tmp_path: Path, digits: Any) -> None:
    tuner = kt.RandomSearch(Raising(None), "val_accuracy", max_trials=2, directory=tmp_path)
    with pytest.raises(kt.errors.FatalTypeError, match=r"must return a keras.Model, got str") as raised:
        tuner.search(*digits.train, validation_data=digits.valid, verbose=0)
    assert isinstance(raised.value, InputError)


def members(thing: Any) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


CLASSES = [name for name in dir(keras_tuner) if isinstance(getattr(keras_tuner, name), type)]


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_all_that_keras_tuners_has(name: str) -> None:
    theirs, ours = getattr(keras_tuner, name), getattr(kt, name)
    assert members(theirs) <= members(ours)
    more = {"continue_trial"} if issubclass(ours, kt.Tuner) else set()
    assert members(ours) - members(theirs) == more


@pytest.mark.parametrize("name", ["RandomSearch", "BayesianOptimization", "Hyperband", "GridSearch"])
def test_a_tuner_and_its_oracle_have_all_that_keras_tuners_have(name: str, tmp_path: Path) -> None:
    theirs, ours = (
        getattr(module, name)(Raising(ValueError()), "val_loss", directory=tmp_path / module.__name__)
        for module in (keras_tuner, kt)
    )
    assert {each for each in members(theirs) if not hasattr(ours, each)} == set()
    # what runs trials, which workers do: see docs/keras-tuner.md
    of_a_loop = {"create_trial", "end_trial", "populate_space", "score_trial", "update_trial"}
    assert {each for each in members(theirs.oracle) if not hasattr(ours.oracle, each)} == of_a_loop
