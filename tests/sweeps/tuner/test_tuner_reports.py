"""What users of KerasTuner report as problems: how it is here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import pytest

import sweeps.tuner as kt
from sweeps.errors import InputError

pytestmark = pytest.mark.slow


def dense(hp: kt.HyperParameters, metrics: Any = ("accuracy",)) -> keras.Model:
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Int("units", 4, 12, step=4), "relu")])
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.compile("adam", "binary_crossentropy", metrics=list(metrics))
    return model


class Search:
    """Searches of whether a digit is even."""

    def __init__(self, digits: Any, folder: Path) -> None:
        self.train, self.valid = ((part[0][:100], part[1][:100] % 2) for part in (digits.train, digits.valid))
        self.folder = folder

    def __call__(self, model: Any = dense, objective: Any = "val_loss", **options: Any) -> kt.RandomSearch:
        tuner = kt.RandomSearch(model, objective, max_trials=3, directory=self.folder)
        tuner.search(*self.train, validation_data=self.valid, **({"verbose": 0} | options))
        return tuner


@pytest.fixture
def search(digits: Any, tmp_path: Path) -> Search:
    return Search(digits, tmp_path)


def test_a_metric_without_a_name_has_the_same_name_in_each_trial(search: Search) -> None:
    tuner = search(lambda hp: dense(hp, [keras.metrics.AUC()]), kt.Objective("val_auc", "max"))
    assert all("val_auc" in trial.metrics.metrics for trial in tuner.oracle.trials.values())


def test_the_epochs_after_an_initial_epoch_are_trained(search: Search) -> None:
    trials = search(epochs=4, initial_epoch=2).oracle.trials.values()
    assert {trial.status for trial in trials} == {"COMPLETED"}
    assert {trial.best_step for trial in trials} <= {2, 3}


def test_a_name_that_is_declared_again_has_the_values_of_the_first_declaration(search: Search) -> None:
    def build(hp: kt.HyperParameters) -> keras.Model:
        model = dense(hp)
        assert hp.Int("units", 20, 30) in (4, 8, 12)
        return model

    assert [entry.max_value for entry in search(build).oracle.get_space().space] == [12]


def test_a_callback_begins_anew_in_each_trial(search: Search) -> None:
    file = search.folder / "best.keras"
    kept = keras.callbacks.ModelCheckpoint(str(file), save_best_only=True)
    stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
    tuner = search(epochs=2, callbacks=[kept, stop])
    assert {trial.status for trial in tuner.oracle.trials.values()} == {"COMPLETED"}
    assert keras.models.load_model(file).input_shape == (None, 64)
    assert (stop.best_weights, stop.stopped_epoch) == (None, 0)


def test_a_trial_whose_loss_is_not_a_number_is_never_the_best(search: Search) -> None:
    def build(hp: kt.HyperParameters) -> keras.Model:
        model = dense(hp)
        if hp.get("units") == 8:
            model.compile("adam", lambda y, predicted: keras.ops.mean(predicted) * float("nan"))
        return model

    tuner = search(build)
    best = tuner.oracle.get_best_trials(1)[0]
    assert best.score == best.score
    assert best.hyperparameters.get("units") != 8


def test_more_trials_are_run_where_the_oracle_is_told_so(search: Search) -> None:
    def build(hp: kt.HyperParameters) -> keras.Model:
        hp.Float("another", 0.0, 1.0)  # else all three points of the space are tried
        return dense(hp)

    tuner = search(build)
    tuner.oracle.max_trials = 4
    tuner.search(*search.train, validation_data=search.valid, verbose=0)
    assert (len(tuner.oracle.trials), tuner.remaining_trials) == (4, 0)


def test_an_objective_that_no_metric_has_is_said_before_the_first_trial(search: Search) -> None:
    with pytest.raises(InputError, match="no metric is named 'val_f1'"):
        search(objective=kt.Objective("val_f1", "max"))
