"""What a tuner is made with, as its searches show it; beside KerasTuner's own where that draws alike."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras_tuner
import pytest
from tuner_models import Priced, Watched, build_model

import sweeps.tuner as kt
from sweeps.errors import InputError


def given() -> keras_tuner.HyperParameters:
    """Two of `build_model`'s three hyperparameters, other than it asks for them."""
    hp = keras_tuner.HyperParameters()
    hp.Int("n_neurons", 20, 24)
    hp.Fixed("n_hidden", 1)
    return hp


def search(module: Any, home: Path, digits: Any, **options: Any) -> Any:
    made = {"hypermodel": build_model, "objective": "val_accuracy", "max_trials": 3, "seed": 1, "directory": home}
    tuner = module.RandomSearch(**(made | options))
    tuner.search(*digits.train, validation_data=digits.valid, epochs=1, verbose=0)
    return tuner


def drawn(tuner: Any) -> list[dict[str, Any]]:
    return [trial.hyperparameters.values for trial in tuner.oracle.trials.values()]


def test_arguments_may_be_positional_in_the_order_of_keras_tuner(tmp_path: Path) -> None:
    def made(module: Any, *arguments: Any, **named: Any) -> Any:
        oracle = module.oracles.RandomSearchOracle(objective="val_accuracy", max_trials=1)
        return module.Tuner(oracle, build_model, *arguments, **named)

    given = (5000, "sgd", "mse", ["mae"], None, tmp_path, "named", None, None, True, 3)
    theirs, ours = made(keras_tuner, *given), made(kt, *given)
    for name in ("max_model_size", "optimizer", "loss", "metrics", "directory", "project_name", "executions_per_trial"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for wrong in (((*given, 1), {}), ((5000,), {"max_model_size": 1})):
        with pytest.raises(TypeError):
            made(kt, *wrong[0], **wrong[1])


def test_what_is_wrong_is_a_value_error_as_in_keras_tuner(tmp_path: Path) -> None:
    for module in (keras_tuner, kt):
        with pytest.raises(ValueError, match="Objective"):
            module.RandomSearch(build_model, objective="unheard_of", directory=tmp_path)


@pytest.mark.slow
def test_further_trials_may_have_other_epochs(tmp_path: Path, digits: Any, caplog: pytest.LogCaptureFixture) -> None:
    def epochs_of(tuner: Any) -> list[int]:
        study = tuner._project.open()
        return [trial.last_step for trial in study.trials]

    caplog.set_level(logging.WARNING, "sweeps.tuner")
    search(kt, tmp_path, digits, max_trials=1)
    tuner = kt.RandomSearch(build_model, objective="val_accuracy", max_trials=2, seed=1, directory=tmp_path)
    tuner.search(*digits.train, validation_data=digits.valid, epochs=3, verbose=0)
    assert "begun with 1 epochs; scores of different numbers of epochs are compared" in caplog.text
    assert epochs_of(tuner) == [1, 3]
    tuner.search(*digits.train, validation_data=digits.valid, epochs=2, verbose=0)  # nothing is left to run
    assert epochs_of(tuner) == [1, 3]


@pytest.mark.slow
def test_new_entries_that_are_not_tuned_keep_their_defaults_in_every_trial(tmp_path: Path, digits: Any) -> None:
    tuner = search(kt, tmp_path, digits, hyperparameters=given(), tune_new_entries=False)
    trials = drawn(tuner)
    assert len(trials) == 3
    assert all(values["learning_rate"] == 5e-3 and values["n_hidden"] == 1 for values in trials)
    assert all(20 <= values["n_neurons"] <= 24 for values in trials)
    study = tuner._project.open()
    assert study is not None
    assert all(set(trial.params) == {"n_neurons"} for trial in study.trials)
    assert len({values["n_neurons"] for values in trials}) > 1


@pytest.mark.slow
def test_new_entries_that_are_not_allowed_end_a_search_before_its_first_trial(tmp_path: Path, digits: Any) -> None:
    options = {"hyperparameters": given(), "allow_new_entries": False}
    with pytest.raises(RuntimeError, match="but found new entries"):
        search(keras_tuner, tmp_path / "theirs", digits, **options)
    with pytest.raises(InputError, match="only n_neurons, n_hidden may be declared, got 'learning_rate'"):
        search(kt, tmp_path / "ours", digits, **options)
    assert not (tmp_path / "ours" / "studies").exists()


@pytest.mark.slow
def test_one_seed_draws_and_trains_the_same_and_another_seed_other_trials(tmp_path: Path, digits: Any) -> None:
    def trials(name: str, seed: int) -> list[tuple[dict[str, Any], float]]:
        tuner = search(kt, tmp_path, digits, project_name=name, seed=seed, jobs=1)
        return [(trial.hyperparameters.values, trial.score) for trial in tuner.oracle.trials.values()]

    first, again, other = trials("first", 1), trials("again", 1), trials("other", 2)
    assert first == again
    assert len(first) == 3
    assert all(values not in [seen for seen, _ in first] for values, _ in other)


@pytest.mark.slow
def test_two_hyperband_iterations_have_twice_the_configurations_of_one(tmp_path: Path, digits: Any) -> None:
    def hyperband(iterations: int) -> Any:
        return kt.Hyperband(
            *(build_model, "val_accuracy"),
            max_epochs=2,
            factor=2,
            hyperband_iterations=iterations,
            directory=tmp_path,
            project_name="iterations",
        )

    one, two = hyperband(1).remaining_trials, hyperband(2).remaining_trials
    assert two == 2 * one
    tuner = hyperband(2)
    tuner.search(*digits.train, validation_data=digits.valid, verbose=0)
    assert len(tuner.oracle.trials) == two
    assert {trial.status for trial in tuner.oracle.trials.values()} <= {"COMPLETED", "STOPPED"}
    assert tuner.remaining_trials == 0


@pytest.mark.slow
@pytest.mark.parametrize("as_dictionary", [False, True])
def test_without_an_objective_the_number_that_fit_returns_is_the_least_wanted(
    as_dictionary: bool, tmp_path: Path, digits: Any
) -> None:
    tuner = search(kt, tmp_path, digits, hypermodel=Priced("dictionary" if as_dictionary else "number"), objective=None)
    trials = tuner.oracle.get_best_trials(3)
    assert [trial.score for trial in trials] == sorted(values["n_neurons"] / 64 for values in drawn(tuner))


@pytest.mark.slow
# KerasTuner's own use of `threading`
@pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning", "ignore:getName:DeprecationWarning")
def test_without_an_objective_a_history_is_refused_as_by_keras_tuner(tmp_path: Path, digits: Any) -> None:
    with pytest.raises(keras_tuner.errors.FatalTypeError, match="a single float when `objective` is left unspecified"):
        search(keras_tuner, tmp_path / "theirs", digits, hypermodel=Priced("history"), objective=None)
    with pytest.raises(InputError, match=r"where none is named, HyperModel.fit must return a number, got a History"):
        search(kt, tmp_path / "ours", digits, hypermodel=Priced("history"), objective=None)
    assert not (tmp_path / "ours" / "studies").exists()


def test_trials_are_trained_by_our_own_kernels(tmp_path: Path, digits: Any) -> None:
    tuner = search(kt, tmp_path, digits, hypermodel=Watched(), max_trials=2)
    for trial in tuner.oracle.trials.values():
        assert trial.metrics.get_last_value("by_kernels") == 1
        assert trial.metrics.get_last_value("handed_over") == 0
