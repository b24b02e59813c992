"""All that the rest of a training depends on, taken and put back."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sweeps.training import fit
from sweeps.trial import snapshot
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.snapshot import DoesNotFit

X = np.random.default_rng(0).standard_normal((64, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")


def a_model(units: int = 8, dtype: str = "float32") -> Any:
    layers = [keras.Input((6,)), keras.layers.Dense(units, "relu"), keras.layers.Dropout(0.3)]
    model = keras.Sequential([*layers, keras.layers.Dense(2, "softmax")])
    if dtype != "float32":
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, "softmax", dtype=dtype)])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def variables(model: Any) -> list[bytes]:
    return [
        keras.ops.convert_to_numpy(variable).tobytes() for variable in (*model.variables, *model.optimizer.variables)
    ]


def draws() -> list[float]:
    """Of all generators that a callback or a layer may draw from."""
    return [random.random(), np.random.uniform(), float(keras.random.uniform(()))]


@pytest.mark.parametrize("jit", ["auto", False], ids=["by the kernels", "by a graph"])
def test_a_training_goes_on_from_a_snapshot_as_if_it_had_not_been_interrupted(jit: bool | str) -> None:
    def epoch(model: Any, number: int) -> None:
        fit(model, X, Y, batch_size=8, epochs=number, initial_epoch=number - 1, verbose=0, seed=5, jit=jit)

    model = a_model()
    epoch(model, 1)
    taken = snapshot.take(model)
    drawn = draws()
    epoch(model, 2)
    whole = variables(model)
    other = a_model()
    draws()
    snapshot.put_back(other, taken)
    assert draws() == drawn
    epoch(other, 2)
    assert variables(other) == whole


def test_a_snapshot_is_not_changed_by_what_comes_after_it() -> None:
    model = a_model()
    fit(model, X, Y, epochs=1, verbose=0, seed=5)
    before, taken = variables(model), snapshot.take(model)
    fit(model, X, Y, epochs=2, initial_epoch=1, verbose=0, seed=5)
    assert variables(model) != before
    snapshot.put_back(model, taken)
    assert variables(model) == before


def test_a_snapshot_of_another_model_is_refused_and_changes_nothing() -> None:
    model = a_model(units=8)
    fit(model, X, Y, epochs=1, verbose=0, seed=5)
    taken = snapshot.take(a_model(units=9))
    before, state = variables(model), random.getstate()
    random.random()
    with pytest.raises(DoesNotFit, match="variables, which are not the model's"):
        snapshot.put_back(model, taken)
    assert variables(model) == before
    assert random.getstate() != state


def test_types_that_numpy_does_not_know_come_back_from_the_disk(tmp_path: Path) -> None:
    model = a_model(dtype="bfloat16")
    model.optimizer.build(model.trainable_variables)
    before, checkpoints = variables(model), Checkpoints(tmp_path)
    checkpoints.save(0, snapshot.take(model))
    other = a_model(dtype="bfloat16")
    assert variables(other)[0] != before[0]
    snapshot.put_back(other, checkpoints.load(0))
    assert variables(other) == before


class Counting(keras.callbacks.Callback):
    """What a callback may hold: settings, what it has come to, and what cannot be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.patience, self.wait, self.best = 3, 0, None
        self.seen: list[float] = []
        self.averages = np.zeros(2)
        self.tell = print


def test_of_a_callback_is_kept_what_has_changed_and_what_can_be_written() -> None:
    callback = Counting()
    settings = snapshot.settings_of(callback)
    callback.set_params({"epochs": 9})
    callback.wait, callback.best = 2, 0.5
    callback.seen.append(0.25)
    kept = snapshot.state_of(callback, settings)
    assert kept.keys() == {"wait", "best", "seen", "averages"}
    assert (kept["wait"], kept["best"], kept["seen"]) == (2, 0.5, [0.25])
    callback.seen.append(0.75)
    callback.averages[0] = 1
    assert kept["seen"] == [0.25], "what comes later changes it"
    assert kept["averages"].tolist() == [0, 0]
