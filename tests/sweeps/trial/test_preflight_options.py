"""Options of every trial's `fit`, looked at before anything is stored: what is wrong is said in a line or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from sweeps.data import Dataset, DataSource, from_arrays
from sweeps.errors import InputError
from sweeps.trial.fit_options import Fitting
from sweeps.trial.plan import SweepRequest
from sweeps.trial.preflight import preflight

REQUEST = SweepRequest("mlp", DataSource("arrays"), (), (), (), 0, False)

CALLBACKS = """
import keras

class Quiet(keras.callbacks.Callback):
    pass

def make():
    return Quiet()

def nothing():
    pass

def raises():
    raise OSError("no more disk")

number = 3
"""


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 4)).astype("float32")
    return from_arrays(x, generator.integers(0, 3, 200), DataSource("arrays"))


@pytest.fixture
def refused(data: Dataset) -> Callable[..., None]:
    """A request that is refused in one or two lines that hold `said`."""

    def check(said: str, **changes: Any) -> None:
        with pytest.raises(InputError) as error:
            preflight(replace(REQUEST, **changes), data)
        assert said in str(error.value)
        assert len(str(error.value).splitlines()) <= 2

    return check


def own(hp: keras_tuner.HyperParameters) -> keras.Model:
    """A person's own space."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_metrics_are_there_for_the_objective(data: Dataset) -> None:
    fitting = Fitting("balanced", metrics=("f1_score",))
    found = preflight(replace(REQUEST, fitting=fitting, objectives=("val_f1_score",)), data)
    assert (found.objective.metric, found.objective.direction) == ("val_f1_score", "maximize")
    assert found.digest == data.digest


def test_an_objective_that_no_metric_bears_names_those_that_are_there(refused: Callable[..., None]) -> None:
    refused(
        "objective: no metric is named 'val_f1_score'; there are accuracy, learning_rate, loss, val_accuracy, val_loss",
        objectives=("val_f1_score:max",),
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("f1score", "unknown metric for a target of kind one_hot: 'f1score'. Did you mean 'f1_score'?"),
        ("r2_score", "unknown metric for a target of kind one_hot: 'r2_score'."),
    ],
)
def test_a_metric_that_the_target_does_not_have_is_refused(name: str, said: str, refused: Callable[..., None]) -> None:
    refused(said, fitting=Fitting(metrics=("auc", name)))


def test_a_space_of_ones_own_compiles_its_own_metrics(refused: Callable[..., None]) -> None:
    refused(
        "metrics: a space of your own compiles its metrics itself, got auc",
        space=own,
        fitting=Fitting(metrics=("auc",)),
    )


def test_a_class_that_the_data_does_not_have_is_refused(refused: Callable[..., None]) -> None:
    refused("class_weight: unknown class 'cat'\nThere are 0, 1, 2", fitting=Fitting({"cat": 2.0}))


@pytest.mark.parametrize(
    ("space", "class_weight"),
    [
        *((space, "balanced") for space in ("mlp", "wide_and_deep_auxiliary", "wide_and_deep_subclassed", own)),
        (own, {"2": 0.5}),
    ],
)
def test_every_space_takes_class_weights(space: Any, class_weight: Any, data: Dataset) -> None:
    preflight(replace(REQUEST, space=space, fitting=Fitting(class_weight)), data)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("callbacks.py:mkae", "unknown function in "),
        ("none.py:make", "the file of a callback must exist, got 'none.py'"),
        ("no_such_module:make", "the module of a callback must exist, got 'no_such_module'"),
        ("make", "callback: module:function or path/to/file.py:function is wanted, got 'make'"),
        ("callbacks.py:number", "must be a function or a Callback class, got int"),
        ("callbacks.py:nothing", "must give a keras.callbacks.Callback, got NoneType"),
        ("callbacks.py:raises", "cannot be made: OSError: no more disk ("),
    ],
)
def test_what_gives_no_callback_is_refused(name: str, said: str, here: Path, refused: Callable[..., None]) -> None:
    (here / "callbacks.py").write_text(CALLBACKS)
    name = name.replace("callbacks.py", str(here / "callbacks.py"))
    refused(said, fitting=Fitting(callbacks=(name,)))


def test_callbacks_come_from_functions_and_classes(here: Path, data: Dataset) -> None:
    (here / "callbacks.py").write_text(CALLBACKS)
    names = tuple(f"{here}/callbacks.py:{name}" for name in ("make", "Quiet"))
    preflight(replace(REQUEST, fitting=Fitting(callbacks=names)), data)


# what KerasTuner lets pass in silence


def declared_twice(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Int("units", 1, 4)
    hp.Int("units", 1, 8)
    return own(hp)


def unknown_parent(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Choice("kind", ["wide", "deep"])
    with hp.conditional_scope("knid", ["wide"]):
        hp.Int("units", 1, 4)
    return own(hp)


def default_outside(hp: keras_tuner.HyperParameters) -> keras.Model:
    hp.Float("rate", 0.1, 0.5, default=0.9)
    return own(hp)


def weights_of_no_output(hp: keras_tuner.HyperParameters) -> keras.Model:
    inputs = keras.Input((4,))
    outputs = {name: keras.layers.Dense(3, activation="softmax", name=name)(inputs) for name in ("main", "auxiliary")}
    model = keras.Model(inputs, outputs)
    loss = dict.fromkeys(outputs, "sparse_categorical_crossentropy")
    model.compile("sgd", loss, loss_weights={"main": 0.9, "axiliary": 0.1})
    return model


class BothOutputs(keras_tuner.HyperModel):  # type: ignore[misc]
    """Gives the target to both outputs."""

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        return weights_of_no_output(hp)

    def fit(self, hp: Any, model: Any, x: Any, y: Any, validation_data: Any = None, **rest: Any) -> Any:
        x_valid, y_valid = validation_data
        both = ({"main": y, "auxiliary": y}, (x_valid, {"main": y_valid, "auxiliary": y_valid}))
        return model.fit(x, both[0], validation_data=both[1], **rest)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (declared_twice, "hyperparameter 'units' must be declared alike each time, got Int 1..8 after Int 1..4"),
        (unknown_parent, "unknown parent hyperparameter 'knid'. Did you mean 'kind'?"),
        (default_outside, "default of 'rate' must lie in 0.1..0.5, got 0.9"),
        (
            BothOutputs(),
            "unknown output in the loss_weights of the space's model: 'axiliary'. Did you mean 'auxiliary'?",
        ),
    ],
)
def test_a_space_that_contradicts_itself_is_refused(space: Any, said: str, refused: Callable[..., None]) -> None:
    refused(said, space=space)


def test_a_feature_subset_that_is_empty_is_refused(refused: Callable[..., None]) -> None:
    refused(
        "each input needs a feature, got 4 wide and 0 deep of 4 features",
        space="wide_and_deep_two_inputs",
        set=tuple(f"features/{place}=wide" for place in range(4)),
    )
