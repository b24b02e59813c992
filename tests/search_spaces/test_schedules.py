"""The learning rate's schedules: what they make of the rate, epoch by epoch, also when a training goes on later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from search_spaces import DataSpec, Target
from search_spaces.mlp import MLP
from search_spaces.schedules import SCHEDULES
from sweeps.training import fit

Problem = Callable[[Target], tuple[DataSpec, Any, Any]]
EPOCHS = 4


def container(**values: Any) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    hp.values.update({"n_hidden": 0, "learning_rate": 0.01, **values})
    return hp


def train(problem: Problem, name: str, fast: bool = False, model: Any = None, **options: Any) -> tuple[Any, Any]:
    """A model that has been trained with a schedule, and the logs of its epochs."""
    spec, x, y = problem("sparse")
    space, hp = MLP(spec), container(schedule=name)
    keras.utils.set_random_seed(0)
    model = model or space.build(hp)
    if fast:
        model.fit = partial(fit, model, seed=0)
    history = space.fit(hp, model, x, y, **{"validation_data": (x, y), "epochs": EPOCHS, "verbose": 0} | options)
    return model, history.history


def stop_after(epochs: int) -> keras.callbacks.Callback:
    def stop(callback: Any, epoch: int) -> None:
        callback.model.stop_training = epoch + 1 == epochs

    callback = keras.callbacks.Callback()
    callback.on_epoch_end = lambda epoch, logs=None: stop(callback, epoch)  # type: ignore[method-assign]
    return callback


@pytest.mark.parametrize("fast", [False, True], ids=["keras", "sweeps.training"])
@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("exponential", [0.01 * 0.1 ** (epoch / EPOCHS) for epoch in range(EPOCHS)]),
        ("cosine", [0.01 * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2 for epoch in range(EPOCHS)]),
    ],
)
def test_the_rate_of_each_epoch_follows_from_the_schedule_and_is_logged(
    name: str, rates: list[float], fast: bool, problem: Problem
) -> None:
    model, logs = train(problem, name, fast)
    assert logs["learning_rate"] == pytest.approx(rates, rel=1e-5)
    assert float(model.optimizer.learning_rate) == pytest.approx(rates[-1], rel=1e-5)


def test_the_drawn_rate_stays_as_it_is_by_default(problem: Problem) -> None:
    hp = container()
    spec, x, y = problem("sparse")
    space = MLP(spec)
    model = space.build(hp)
    logs = space.fit(hp, model, x, y, epochs=2, verbose=0).history
    assert hp.get("schedule") == next(iter(SCHEDULES)) == "constant"
    assert set(logs) == {"loss", "accuracy"}
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


@pytest.mark.parametrize("validated", [True, False])
def test_performance_halves_the_rate_when_the_loss_no_longer_falls(validated: bool, problem: Problem) -> None:
    spec, x, y = problem("sparse")
    space, hp = MLP(spec), container(schedule="performance")
    model = space.build(hp)
    nothing = np.zeros(len(x), "float32")  # a loss of 0 from the first epoch on
    weights = {"validation_data": (x, y, nothing)} if validated else {"sample_weight": nothing}
    logs = space.fit(hp, model, x, y, epochs=4, verbose=0, **weights).history
    assert logs["learning_rate"] == pytest.approx([0.01, 0.01, 0.005, 0.0025])


def test_callbacks_that_are_given_still_run_and_see_the_rate(problem: Problem) -> None:
    seen = []
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["learning_rate"]))
    train(problem, "cosine", callbacks=[record])
    assert len(seen) == EPOCHS


@pytest.mark.parametrize("name", ["exponential", "cosine"])
def test_a_training_that_stopped_goes_on_as_if_it_had_not(name: str, problem: Problem) -> None:
    whole, _ = train(problem, name, fast=True)
    first, _ = train(problem, name, fast=True, callbacks=[stop_after(2)])
    spec, _, _ = problem("sparse")
    second = MLP(spec).build(container())
    second.optimizer.build(second.trainable_variables)
    second.set_weights(first.get_weights())
    for variable, value in zip(second.optimizer.variables, first.optimizer.variables, strict=True):
        variable.assign(value)
    train(problem, name, fast=True, model=second, initial_epoch=2)
    for one, other in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
