"""What a model costs: its sizes, the time of a prediction, the time of its training."""

from __future__ import annotations

import time
from typing import Any, cast

import keras
import numpy as np
import optuna
import pytest

from sweeps.errors import InputError
from sweeps.study.attributes import INFEASIBLE
from sweeps.study.constraints import parse_constraints
from sweeps.study.study import Objective
from sweeps.trial.epochs import EpochWatch
from sweeps.trial.figures import figures_of, hold_to, latency_ms, sizes
from sweeps.trial.rounds import Round
from tracking import TrialRun


class Run:
    """Keeps its tags."""

    def __init__(self) -> None:
        self.tags: dict[str, Any] = {}

    def log_params(self, params: dict[str, Any]) -> None: ...

    def log_metrics(self, metrics: dict[str, float], step: int) -> None: ...

    def set_tags(self, tags: dict[str, Any]) -> None:
        self.tags |= tags


def dense(units: int = 8, dtype: str | None = None) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, dtype=dtype)])


def test_sizes_are_those_of_the_weights() -> None:
    assert sizes(dense()) == {"n_params": 40, "model_bytes": 160}
    assert sizes(dense(dtype="bfloat16")) == {"n_params": 40, "model_bytes": 80}
    assert sizes(keras.Sequential([keras.layers.Dense(8)])) == {}  # it has none before it has seen data


def test_the_time_of_a_prediction_is_of_one_row_whatever_the_inputs_are() -> None:
    left, right = keras.Input((3,), name="left"), keras.Input((1,), dtype="string", name="right")
    code = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(right)
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Concatenate()([left, code])))
    rows = {"left": np.zeros((3, 3)), "right": np.array([["a"], ["b"], ["c"]], dtype=object)}
    assert 0 < latency_ms(model, rows) < 1000

    class Slow(keras.Model):
        def call(self, x: Any) -> Any:
            import tensorflow as tf

            return tf.py_function(lambda x: (time.sleep(0.005), x)[1], [x], tf.float32)

    assert 5 < latency_ms(Slow(), np.zeros((3, 4), "float32")) < 100


def test_figures_are_those_that_are_asked_for() -> None:
    found = figures_of({"n_params", "val_loss"}, dense(), {"val_loss": 0.25, "loss": 0.5}, np.zeros((3, 4)))
    assert found == {"n_params": 40, "val_loss": 0.25}
    with pytest.raises(InputError, match="no metric is named 'val_auc'; there are loss, n_params"):
        figures_of({"val_auc"}, dense(), {"loss": 0.5}, np.zeros((3, 4)))


def test_a_trial_is_held_to_what_is_known_of_it() -> None:
    trial, run = optuna.create_study().ask(), Run()
    constraints = parse_constraints(["n_params<=80", "val_loss<=0.2"])
    assert hold_to(trial, cast(TrialRun, run), constraints, {"n_params": 40}) == ""
    assert trial.constraints == {"n_params<=80": -0.5}
    said = hold_to(trial, cast(TrialRun, run), constraints, {"n_params": 40, "val_loss": 0.25})
    assert said == trial.user_attrs[INFEASIBLE] == run.tags[INFEASIBLE] == "val_loss is 0.25, not <= 0.2"
    assert trial.constraints["val_loss<=0.2"] == pytest.approx(0.25)


def watch(epochs: int = 4, round: Round = Round()) -> EpochWatch:  # noqa: B008
    made = EpochWatch(
        *(optuna.create_study().ask(), cast(TrialRun, Run()), Objective("val_loss", "minimize")),
        epochs=epochs,
        params=dict,
        tell=lambda epoch, value: None,
        stopped=lambda: False,
        round=round,
        timed=True,
    )
    made.set_model(dense())
    return made


def train(made: EpochWatch, begin: int, end: int) -> None:
    for epoch in range(begin, end):
        time.sleep(0.02)  # between epochs: not counted
        made.on_epoch_begin(epoch)
        time.sleep(0.01)
        made.on_epoch_end(epoch, {"val_loss": 1.0 + epoch})


def test_the_seconds_of_all_epochs_count_those_before_an_interruption_too() -> None:
    first = watch()
    train(first, 0, 3)
    again = watch()
    again.put_back(first.state(), dense())
    train(again, 3, 4)
    again.conclude(dense(), None)
    assert (again.best_epoch, again.final["val_loss"]) == (1, 1.0)
    assert 0.04 <= again.final["train_seconds"] < 0.08


def test_the_seconds_of_a_fit_that_keeps_its_callbacks_are_known() -> None:
    made = watch()
    time.sleep(0.02)
    made.conclude(dense(), {"val_loss": 0.5})
    assert 0.02 <= made.final["train_seconds"] < 0.2


def test_with_several_rounds_the_seconds_are_their_mean() -> None:
    former = [{"val_loss": 1.0, "train_seconds": 2.0}, {"val_loss": 0.5, "train_seconds": 4.0}]
    made = watch(2, Round("fold_1", [former], 2))
    train(made, 0, 2)
    made.conclude(dense(), None)
    assert 2.0 < made.final["train_seconds"] < 2.1
