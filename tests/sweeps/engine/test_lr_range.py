"""The learning-rate range test: what the losses say, real trainings, and the command line."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
from support import SharedWorker, Workspace

from sweeps.config import load_config
from sweeps.data import load
from sweeps.engine.sweep import check
from sweeps.errors import InputError
from sweeps.trial.lr_range import LossCurve, RangeRequest, RangeTest, suggest
from sweeps.trial.lr_range_test import range_test


def curve(loss: Callable[[float], float], noise: float = 0.0, steps: int = 500) -> LossCurve:
    """The losses of rates from 1e-5 to 10, `loss` being a function of the rate's power of ten."""
    generator = np.random.default_rng(0)
    made = LossCurve(steps)
    for power in np.linspace(-5, 1, steps):
        made.add(10.0**power, loss(power) + noise * generator.normal())
        if made.ended:
            break
    return made


def valley(power: float) -> float:
    """Flat up to 1e-4, falling to 1e-2, flat up to 1e-1, then growing tenfold in a fifth of a power of ten."""
    if power > -1:
        return 0.25 * 10 ** (5 * (power + 1))
    return float(2.25 - np.clip((power + 4) / 2, 0, 1) * 2)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_fall_and_a_rise_are_found_where_they_are(noise: float) -> None:
    found = suggest(curve(valley, noise))
    assert found.low == pytest.approx(10**-3.8, rel=0.6)  # a tenth of the fall
    assert 1e-4 < found.steepest < 1e-2
    assert found.diverges == pytest.approx(0.13, rel=0.4)
    assert found.high == found.diverges / 2


def test_a_test_ends_with_the_divergence() -> None:
    seen = curve(valley)
    assert seen.diverged
    assert 0.1 < seen.rates[-1] < 0.5
    assert seen.smoothed[-1][1] > 4 * seen.best >= seen.smoothed[-2][1]


def test_a_loss_that_comes_back_halfway_has_diverged_though_it_never_explodes() -> None:
    found = suggest(curve(lambda power: 2.3 if power > -1 else valley(power) + 0.4, 0.05))
    assert found.diverges == pytest.approx(0.1, rel=0.5)


def test_one_bad_batch_is_no_divergence() -> None:
    generator = np.random.default_rng(0)
    found = suggest(curve(lambda power: valley(power) + (20 if generator.random() < 0.004 else 0), 0.05))
    assert found.diverges == pytest.approx(0.13, rel=0.4)


def test_a_loss_that_is_no_number_ends_the_test_there() -> None:
    seen = curve(lambda power: math.nan if power > -1 else valley(power))
    assert seen.diverged
    assert seen.rates[-1] <= 0.1
    assert suggest(seen).diverges == pytest.approx(0.1, rel=0.5)


def test_a_range_that_ends_before_the_loss_does_not_diverge_suggests_its_lowest_loss() -> None:
    found = suggest(curve(lambda power: min(valley(power), 0.25 if power > -2 else 9)))
    assert found.diverges is None
    assert found.high >= 1e-2


def test_negative_losses_are_no_divergence() -> None:
    found = suggest(curve(lambda power: valley(min(power, -1.0)) - 3))
    assert found.diverges is None


def test_smoothing_does_not_lag_behind() -> None:
    seen = curve(lambda power: -power)
    assert all(loss == pytest.approx(-math.log10(rate)) for rate, loss in seen.smoothed)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda power: math.nan, "no finite number at the first batch"),
        (lambda power: 2.3 + power / 100, "did not fall .*: give a higher --high"),
        (lambda power: math.inf if power > -4.9 else 2.3, "did not fall .*: give a lower --low"),
    ],
)
def test_losses_that_say_nothing_are_refused(loss: Callable[[float], float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        suggest(curve(loss))


STEPS, LOW, HIGH = 60, 1e-4, 1.0


def scheduled() -> Any:
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.01, 100), momentum=0.5)


class Own(keras_tuner.HyperModel):
    """A space with a `fit` of its own: it scales, has a schedule, and asks its History for what it wants."""

    def __init__(self, optimizer: Callable[[], Any] = scheduled) -> None:
        super().__init__()
        self.optimizer = optimizer

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        model = keras.Sequential(
            [keras.Input((8, 8)), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
        )
        model.compile(self.optimizer(), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
        scale = hp.Float("scale", 8.0, 32.0, default=16.0)
        history = model.fit(x / scale, y, batch_size=24, shuffle=False, **kwargs)
        assert max(history.history["val_accuracy"]) >= 0
        return history


def request(
    space: Any = None, low: float = LOW, high: float = HIGH, steps: int = STEPS, **options: Any
) -> RangeRequest:
    return RangeRequest(check(load_config(options), space), low, high, steps)


@pytest.fixture(scope="module")
def own() -> RangeTest:
    return range_test(request(Own()))


def test_rates_and_losses_are_those_of_a_loop_by_hand(own: RangeTest) -> None:
    keras.utils.set_random_seed(0)
    model = Own(lambda: keras.optimizers.SGD(momentum=0.5)).build(keras_tuner.HyperParameters())
    data = load(check(load_config({})).source).train
    rates = np.geomspace(LOW, HIGH, STEPS)[: len(own.curve.losses)]
    losses = []
    batches = [slice(begin, begin + 24) for begin in range(0, len(data), 24)]
    for rate, rows in zip(rates, batches * 2, strict=False):  # more than an epoch, the last batch of it a smaller one
        model.optimizer.learning_rate = rate
        model.reset_metrics()
        losses.append(model.train_on_batch(data.x[rows] / 16, data.y[rows], return_dict=True)["loss"])
    assert len(losses) > len(batches)
    assert own.curve.rates == pytest.approx(list(rates))
    assert own.curve.losses == pytest.approx(losses, rel=1e-3)


def test_a_space_without_a_learning_rate_gets_rates_but_no_set(own: RangeTest) -> None:
    assert own.params == {"scale": 16.0}
    assert own.set is None
    assert LOW < own.suggestion.low < own.suggestion.high <= HIGH


def test_a_suggestion_for_a_registered_space_lies_within_what_the_space_allows() -> None:
    found = range_test(request(steps=150, low=1e-5, high=10.0, set=["optimizer=sgd", "n_hidden=1"]))
    assert found.params["optimizer"] == "sgd"
    assert found.set is not None
    name, _, ends = found.set.partition("=")
    low, high = map(float, ends.split(".."))
    assert name == "learning_rate"
    assert 1e-5 <= low < high <= 1e-1
    assert found.suggestion.diverges is not None


def houses(folder: Path) -> str:
    """A small table with a text column and missing numbers, whose price follows from both."""
    random = np.random.default_rng(0)
    size, city = random.uniform(20, 200, 400), random.integers(0, 3, 400)
    price = 1000 * size + 50_000 * city + random.normal(0, 1000, 400)
    frame = pd.DataFrame({"size": size.round(1), "city": np.array(["Bergen", "Lima", "Ōsaka"])[city], "price": price})
    frame.loc[::25, "size"] = None
    frame.to_csv(folder / "houses.csv", index=False)
    return str(folder / "houses.csv")


def test_a_regression_s_loss_falls_and_diverges_in_the_unit_of_its_normalized_target(tmp_path: Path) -> None:
    options = {"dataset": houses(tmp_path), "target": "price", "set": ["optimizer=sgd", "n_hidden=2"]}
    found = range_test(request(steps=150, low=1e-5, high=10.0, **options))
    assert 0.1 < found.curve.losses[0] < 20  # in the target's own unit it would be billions
    assert found.curve.best < 0.5 * found.curve.losses[0]
    assert found.suggestion.diverges is not None
    assert found.set is not None
    low, high = map(float, found.set.removeprefix("learning_rate=").split(".."))
    assert 1e-5 <= low < high <= 1e-1  # the space's own rates, which suit a target of variance one


SGD = ("--set", "optimizer=sgd")


@pytest.mark.slow
def test_a_sweep_of_a_regression_keeps_to_the_printed_rates(workspace: Workspace, worker: SharedWorker) -> None:
    data = ("--dataset", houses(workspace.folder), "--target", "price")
    done = worker.sweeps(workspace, "lr-range", *data, *SGD, "--set", "n_hidden=2", "--steps", "150", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    low, high = map(float, found["set"].removeprefix("learning_rate=").split(".."))
    options = ("--sampler", "random", "--start", "none", "--trials", "3", "--epochs", "1", "--jobs", "1")
    options += (
        *SGD,
        "--set",
        found["set"],
        "--set",
        "n_hidden=2",
        "--set",
        "n_neurons=256",
        "--set",
        "activation=relu",
    )
    done = worker.sweeps(workspace, "run", "bounded", *data, *options)
    assert done.returncode == 0, done.stderr
    rates = [row["params"]["learning_rate"] for row in workspace.json("list", "bounded")]
    assert len(set(rates)) == 3
    assert all(low <= rate <= high for rate in rates)


def test_an_optimizer_without_a_learning_rate_is_refused() -> None:
    def optimizer() -> Any:
        return keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01))

    with pytest.raises(InputError, match="must have a learning rate, LossScaleOptimizer has none"):
        range_test(request(Own(optimizer)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--low", "1", "--high", "0.1"], "0 < low < high must hold, got --low 1 --high 0.1"),
        (["--low", "0"], "0 < low < high must hold, got --low 0"),
        (["--low", "nan"], "0 < low < high must hold, got --low nan"),
        (["--high", "inf"], "0 < low < high must hold"),
        (["--steps", "39"], "--steps: 40 or more are needed, got 39"),
        (["--steps", "many"], "Invalid value for '--steps'"),
        (["--dataset", "digts"], "unknown dataset 'digts'. Did you mean 'digits'?"),
        (["--params", "none.json"], "--params: 'none.json': no such file"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(
    here: Path, fails: Callable[..., str], arguments: list[str], said: str
) -> None:
    assert said in fails("lr-range", *arguments)
    assert not list(here.iterdir())


@pytest.mark.parametrize("text", ["[1]", "{", "null"])
def test_parameters_are_one_dictionary(here: Path, fails: Callable[..., str], text: str) -> None:
    (here / "params.json").write_text(text)
    assert "--params" in fails("lr-range", "--params", "params.json")


def test_a_pipe_in_place_of_a_file_of_parameters_is_refused(here: Path, fails: Callable[..., str]) -> None:
    os.mkfifo(here / "params.json")
    assert "a regular file is needed, got a pipe" in fails("lr-range", "--params", "params.json")


@pytest.mark.slow
def test_the_printed_set_bounds_a_sweep(workspace: Workspace, worker: SharedWorker) -> None:
    (workspace.folder / "params.json").write_text('{"optimizer": "adamw", "n_hidden": 1}')
    arguments = ["lr-range", "--steps", "200", "--params", "params.json"]
    done = worker.sweeps(workspace, *arguments)
    assert done.returncode == 0, done.stderr
    text = done.stdout.rpartition("--set ")[2].split()[0]
    picture = ElementTree.parse(workspace.folder / "runs/lr-range/digits-mlp.svg")
    assert "learning rate" in [element.text for element in picture.iter()]
    done = worker.sweeps(workspace, *arguments, "--picture", "other.svg", "--json")
    found = json.loads(done.stdout)
    assert found["set"] == text
    assert found["params"]["n_hidden"] == 1
    assert found["low"] < found["steepest"] < found["high"] == found["diverges"] / 2
    assert (workspace.folder / "other.svg").is_file()
    run = worker.sweeps(workspace, "run", "bounded", "--trials", "1", "--epochs", "1", "--set", text)
    assert run.returncode == 0, run.stderr
    assert not workspace.json("list", "bounded")[0]["error"]
    wrong = workspace.here("lr-range", "--space", "mpl")
    assert (wrong.returncode, "unknown space 'mpl'. Did you mean 'mlp'?" in wrong.stderr) == (2, True)
