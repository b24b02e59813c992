"""Bad input is refused with the error that Keras's users know, before anything is compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import sweeps.training.loop
from sweeps.training import fit

from .conftest import Data, classifier, make_data

GOOD = make_data(20)
NAN_WEIGHTS = np.where(np.arange(20) == 3, np.nan, 1.0)

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "x and y of other lengths": ({"y": GOOD.labels[:7]}, "Data cardinality is ambiguous"),
    "weights of another length": ({"sample_weight": np.ones(7)}, "Data cardinality is ambiguous"),
    "empty x": ({"x": GOOD.x[:0], "y": GOOD.labels[:0]}, "non-empty"),
    "no x": ({"x": None, "y": None}, "non-empty"),
    "empty validation": ({"validation_data": (GOOD.x[:0], GOOD.labels[:0])}, "non-empty"),
    "batch size 0": ({"batch_size": 0}, "`batch_size` must be a positive integer, got batch_size=0"),
    "negative batch size": ({"batch_size": -8}, "got batch_size=-8"),
    "batch size of half a row": ({"batch_size": 0.5}, "got batch_size=0.5"),
    "batch size true": ({"batch_size": True}, "got batch_size=True"),
    "validation batch size 0": ({"validation_batch_size": 0}, "got validation_batch_size=0"),
    "negative epochs": ({"epochs": -1}, "got epochs=-1"),
    "epochs that are text": ({"epochs": "3"}, "got epochs='3'"),
    "another shape": ({"x": GOOD.x[:, :5]}, "incompatible|expected"),
    "another rank": ({"x": np.zeros((20, 3, 6), np.float32)}, "incompatible|expected|rank"),
    "validation of another shape": (
        {"validation_data": (GOOD.x[:, :5], GOOD.labels)},
        "incompatible|expected",
    ),
    "NaN in sample_weight": (
        {"sample_weight": NAN_WEIGHTS},
        "`sample_weight` must be finite, got nan in row 3",
    ),
    "NaN in class_weight": (
        {"class_weight": {0: np.nan}},
        "`class_weight` must be finite, got nan for class 0",
    ),
    "both weights": (
        {"class_weight": {0: 1.0}, "sample_weight": np.ones(20)},
        "`class_weight` and `sample_weight`",
    ),
    "a split that leaves nothing": ({"validation_split": 0.99}, "not sufficient to split"),
    "validation of four parts": ({"validation_data": (1, 2, 3, 4)}, "expected to be in format"),
    "a scalar": ({"x": np.array(1.0)}, "axis of rows"),
    "jit of another kind": ({"jit": "yes"}, "`jit` must be True, False or"),
}


@pytest.fixture
def _nothing_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiles(*arguments: Any) -> None:
        raise AssertionError("compiled before the input was checked")

    monkeypatch.setattr(sweeps.training.loop.StepLoop, "_call", compiles)


@pytest.mark.usefixtures("_nothing_compiles")
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_anything_is_compiled(name: str) -> None:
    arguments, message = BAD[name]
    model = classifier()
    with pytest.raises(ValueError, match=message):
        fit(model, **{"x": GOOD.x, "y": GOOD.labels, "verbose": 0, **arguments})
    assert model.optimizer.iterations.numpy() == 0


@pytest.mark.usefixtures("_nothing_compiles")
def test_a_model_that_is_not_compiled_is_refused(data: Data) -> None:
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    with pytest.raises(ValueError, match=r"must call `compile\(\)`"):
        fit(model, data.x, data.labels)


def test_no_epochs_train_nothing(data: Data) -> None:
    model = classifier()
    before = model.get_weights()
    history = fit(model, data.x, data.labels, epochs=3, initial_epoch=3, verbose=0)
    assert history.history == {}
    for mine, its in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_an_axis_of_one_too_few_is_accepted_as_in_keras() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    x = np.arange(10, dtype=np.float32)
    assert len(fit(model, x, x, verbose=0).history["loss"]) == 1
