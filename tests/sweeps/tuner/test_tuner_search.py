"""Searches as a KerasTuner user writes them, on real workers; and their results beside KerasTuner's own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from support import ROOT, SharedWorker
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray
from tuner_models import Failing, Flaky, Graded, Normalizing, build_model

import sweeps.tuner as kt
from sweeps.errors import InputError, TrialsFailed
from sweeps.system import paths
from sweeps.tuner.base import Tuner
from tracking import child_runs, find_store


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tuner")


def random_search(module: Any, home: Path, **options: Any) -> Any:
    return module.RandomSearch(
        build_model, objective="val_accuracy", max_trials=3, seed=42, directory=home, project_name="rnd", **options
    )


@pytest.fixture(scope="module")
def searched(home: Path, digits: Any, worker: SharedWorker) -> Tuner:
    """The chapter's random search, with everything that `model.fit` takes beside the data."""
    tuner: Tuner = random_search(kt, home, overwrite=True)
    with worker.lent():
        tuner.search(
            digits.x,
            digits.y,
            epochs=4,
            validation_split=0.3,
            batch_size=64,
            class_weight={0: 2.0},
            verbose=0,
            callbacks=[keras.callbacks.EarlyStopping(patience=2), keras.callbacks.TensorBoard(home / "logs")],
        )
    return tuner


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, digits: Any) -> Any:
    """The same by KerasTuner itself."""
    tuner = random_search(keras_tuner, tmp_path_factory.mktemp("original"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its own use of `threading`
        tuner.search(digits.x, digits.y, epochs=2, validation_split=0.3, batch_size=64, verbose=0)
    return tuner


def lines(printed: str) -> list[str]:
    """What is printed, without the values."""
    return [line.split(":")[0].rstrip("0123456789.") for line in printed.splitlines() if "Results in" not in line]


def public(thing: Any) -> set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


#: what a tuner's oracle reads and has from its `__getattr__`, and what only a loop in this process calls
ASKED = {
    *("allow_new_entries", "tune_new_entries", "max_retries_per_trial", "max_consecutive_failed_trials"),
    *("directory", "project_name", "multi_worker", "should_report", "tuner_ids"),
}
LOOP = {"create_trial", "end_trial", "populate_space", "score_trial", "update_trial"}


def test_what_scripts_read_of_keras_tuners_objects_is_here_too(searched: Tuner, original: Any) -> None:
    assert public(searched) >= public(original)
    assert public(searched.oracle) >= public(original.oracle) - ASKED - LOOP
    assert all(hasattr(searched.oracle, name) for name in ASKED if hasattr(original.oracle, name))
    assert not any(hasattr(searched.oracle, name) for name in LOOP)
    assert public(searched.oracle.get_best_trials()[0]) == public(original.oracle.get_best_trials()[0])
    for name in ("seed", "tuner_id", "project_name", "executions_per_trial", "loss", "optimizer", "max_model_size"):
        assert getattr(searched, name) == getattr(original, name)
    for name in ("max_trials", "seed", "start_order", "end_order", "ongoing_trials", "max_retries_per_trial"):
        ours, theirs = getattr(searched.oracle, name), getattr(original.oracle, name)
        # trials run side by side may end in another order
        assert sorted(ours) == sorted(theirs) if isinstance(ours, list) else ours == theirs
    assert searched.oracle.get_state().keys() <= original.oracle.get_state().keys()


def test_saving_and_reloading_lose_nothing(searched: Tuner) -> None:
    before = [trial.get_state() for trial in searched.oracle.trials.values()]
    searched.save()
    searched.oracle.save()
    searched.reload()
    searched.set_state(searched.get_state())
    assert [trial.get_state() for trial in searched.oracle.trials.values()] == before
    with pytest.raises(InputError, match=r"oracle.create_trial: the sampler proposes trials in workers"):
        searched.oracle.create_trial("tuner0")


def test_the_best_models_are_those_of_their_scores(searched: Tuner, digits: Any) -> None:
    trials = searched.oracle.get_best_trials(3)
    models = searched.get_best_models(3)
    assert [trial.score for trial in trials] == sorted((trial.score for trial in trials), reverse=True)
    # the rows that Keras's validation_split takes: the last 30 percent
    first = int(len(digits.x) * 0.7)
    for trial, model in zip(trials, models, strict=True):
        accuracy = model.evaluate(digits.x[first:], digits.y[first:], verbose=0, return_dict=True)["accuracy"]
        assert accuracy == pytest.approx(trial.score, abs=1e-6)
    assert trials[0].score > 0.7


def test_the_first_trial_is_drawn_like_all_others(searched: Tuner) -> None:
    # as KerasTuner's; a sweep of the command line begins with the default values
    defaults = {"n_hidden": 1, "n_neurons": 32, "learning_rate": 5e-3}
    assert all(trial.hyperparameters.values != defaults for trial in searched.oracle.trials.values())


def test_trials_have_the_shape_of_keras_tuners(searched: Tuner, original: Any) -> None:
    ours, theirs = searched.oracle.get_best_trials(1)[0], original.oracle.get_best_trials(1)[0]
    assert type(ours) is type(theirs)
    assert ours.status == theirs.status == "COMPLETED"
    assert set(ours.metrics.metrics) == set(theirs.metrics.metrics)
    for tuner, trial in ((searched, ours), (original, theirs)):
        assert trial.metrics.get_last_value("val_accuracy") == trial.score
        assert trial.metrics.get_best_value("val_loss") == trial.metrics.get_last_value("val_loss")
        assert 0 <= trial.best_step < 4
        assert len(trial.trial_id) == 1
        assert tuner.oracle.get_trial(trial.trial_id).score == trial.score
        assert list(tuner.oracle.trials) == ["0", "1", "2"]
        assert tuner.remaining_trials == 0


def test_one_trial_gives_its_model_by_itself(searched: Tuner, digits: Any) -> None:
    worst = searched.oracle.get_best_trials(3)[-1]
    model = searched.load_model(worst)
    accuracy = model.evaluate(*(part[1257:] for part in (digits.x, digits.y)), verbose=0, return_dict=True)["accuracy"]
    assert accuracy == pytest.approx(worst.score, abs=1e-6)


@pytest.mark.slow
def test_a_trial_is_trained_on_exactly_where_it_stopped(tmp_path: Path, digits: Any) -> None:
    whole, half = (random_search(kt, tmp_path / name) for name in ("whole", "half"))
    rest = {"validation_data": digits.valid, "verbose": 0}
    whole.search(*digits.train, epochs=4, **rest)
    half.search(*digits.train, epochs=2, **rest)
    trial = half.oracle.get_best_trials(1)[0]
    with pytest.raises(InputError, match="begun with another configuration: digest"):
        half.continue_trial(trial.trial_id, 2, *digits.valid, **rest)
    for wrong, said in (((trial.trial_id, 0), "epochs: a whole number of at least 1"), (("7", 2), "unknown trial '7'")):
        with pytest.raises(InputError, match=said):
            half.continue_trial(*wrong, *digits.train, **rest)
    continued = half.continue_trial(trial.trial_id, 2, *digits.train, **rest)
    same = whole.oracle.get_trial(trial.trial_id)
    assert (continued.begun, continued.epochs, continued.value) == (2, 4, same.score)
    assert same.hyperparameters.values == trial.hyperparameters.values
    models = half.load_model(half.oracle.get_trial(str(continued.number))), whole.load_model(same)
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert str(continued.number) not in [one.trial_id for one in half.oracle.get_best_trials(9)]


def test_hyperparameters_build_the_model_again(searched: Tuner) -> None:
    best = searched.get_best_hyperparameters(2)
    assert all(type(hp) is keras_tuner.HyperParameters for hp in best)
    model = searched.hypermodel.build(best[0])
    assert len(model.layers) == best[0].get("n_hidden") + 2
    logged = searched.get_best_models(1)[0]
    model.build((None, 64))
    assert model.count_params() == logged.count_params()


def test_summaries_are_printed_as_keras_tuner_prints_them(
    searched: Tuner, original: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for tuner in (searched, original):
        tuner.search_space_summary()
        tuner.results_summary(1)
        tuner.oracle.get_best_trials(1)[0].summary()
        printed.append(capsys.readouterr().out)
    ours, theirs = ([line for line in lines(text) if not line.startswith(("n_neurons", "Trial"))] for text in printed)
    assert ours == theirs


def test_tensorboard_has_a_folder_for_each_trial_and_its_hyperparameters(searched: Tuner, home: Path) -> None:
    for trial_id in searched.oracle.trials:
        folder = home / "logs" / trial_id / "execution0"
        assert list((folder / "train").glob("events*"))
        assert list((folder / "validation").glob("events*"))
        assert list(folder.glob("events*"))  # HParams


def test_each_trial_is_a_run_in_the_directorys_mlflow(searched: Tuner, home: Path) -> None:
    store = find_store(f"sqlite:///{home}/mlflow.db", Path(searched.project_dir).name)
    assert store is not None
    assert len(child_runs(store)) == 3
    assert paths.home() != home  # this process's own workspace is left alone


def test_a_tuner_made_again_runs_nothing_more(
    searched: Tuner, home: Path, digits: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: trial.score for name, trial in searched.oracle.trials.items()}
    again = random_search(kt, home)
    assert "Reloading Tuner from" in capsys.readouterr().out
    again.search(digits.x, digits.y, epochs=4, validation_split=0.3, batch_size=64, verbose=0)
    assert {name: trial.score for name, trial in again.oracle.trials.items()} == before


def test_a_hyperparameter_drawn_in_fit_is_searched(home: Path, digits: Any) -> None:
    tuner = kt.Hyperband(
        Normalizing(), objective="val_accuracy", max_epochs=4, factor=2, seed=1, directory=home, project_name="hb"
    )
    tuner.search(*digits.train, validation_data=digits.valid, verbose=0)
    trials = tuner.oracle.trials.values()
    assert len(trials) == 10
    assert {trial.hyperparameters.get("normalize") for trial in trials} == {True, False}
    assert "normalize" in [hp.name for hp in tuner.oracle.get_space().space]
    assert {trial.status for trial in trials} == {"COMPLETED", "STOPPED"}
    best = tuner.oracle.get_best_trials(1)[0]
    assert best.status == "COMPLETED"
    assert best.score == max(trial.score for trial in trials if trial.status == "COMPLETED")


def test_a_figure_that_fit_returns_is_the_score(home: Path, digits: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tuner = kt.GridSearch(Graded(), objective=kt.Objective("grade", "min"), directory=home, project_name="grid", jobs=1)
    tuner.search(*digits.train, validation_data=digits.valid)
    # as in KerasTuner: the defaults first, then the last hyperparameter, here one of `fit`, varies fastest
    values = [trial.hyperparameters for trial in tuner.oracle.trials.values()]
    assert [(hp.get("units"), hp.get("epochs")) for hp in values] == [(8, 2), (8, 3), (16, 2), (16, 3)]
    printed = capsys.readouterr().out
    assert [line.split()[:3] for line in printed.splitlines() if " COMPLETE " in line] == [
        [str(number + 1), "trial", str(number)] for number in range(4)
    ]  # how many there are is not known before the end
    trials = tuner.oracle.get_best_trials(10)
    assert [trial.score for trial in trials] == [1 / 16, 1 / 16, 1 / 8, 1 / 8]
    assert trials[0].metrics.get_last_value("val_accuracy") == 0.5
    # a class that only the person has
    assert type(tuner.get_best_models(1)[0].layers[0]).__name__ == "OwnLayer"
    # a grid that was walked to its end has no trial more
    again = kt.GridSearch(Graded(), objective=kt.Objective("grade", "min"), directory=home, project_name="grid")
    again.search(*digits.train, validation_data=digits.valid, verbose=0)
    assert len(again.oracle.trials) == 4


@pytest.mark.parametrize(("retries", "states"), [(0, ["FAIL"]), (1, ["FAIL", "COMPLETE"])])
def test_a_trial_that_fails_is_tried_again_as_often_as_was_asked(
    retries: int, states: list[str], home: Path, digits: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tuner = kt.RandomSearch(
        Flaky(str(home / f"tried-{retries}")),
        objective="val_accuracy",
        max_trials=1,
        max_retries_per_trial=retries,
        max_consecutive_failed_trials=1,
        directory=home,
        project_name=f"flaky-{retries}",
    )
    with pytest.raises(TrialsFailed, match="not yet") if retries == 0 else contextlib.nullcontext():
        tuner.search(digits.x, digits.y, epochs=1, validation_split=0.3)
    study = tuner._project.open()
    assert study is not None
    trials = study.get_trials(deepcopy=False)
    assert [trial.state.name for trial in trials] == states
    assert [trial.user_attrs.get("retry_of") for trial in trials[1:]] == [0] * retries
    assert all(trial.params == trials[0].params for trial in trials)
    # what a tuner shows is one trial with its attempts, as in KerasTuner
    assert [line.split()[:4] for line in capsys.readouterr().out.splitlines() if "trial 0" in line] == [
        *([["0/1", "trial", "0", "FAIL"]] * retries),
        ["1/1", "trial", "0", states[-1]],
    ]
    (trial,) = tuner.oracle.trials.values()
    assert (trial.trial_id, trial.status) == ("0", "COMPLETED" if retries else "FAILED")
    assert "not yet" in trial.message
    assert tuner.oracle.start_order == tuner.oracle.end_order == ["0"]
    assert [best.trial_id for best in tuner.oracle.get_best_trials(5)] == ["0"]
    assert tuner.remaining_trials == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "states", "said"),
    [
        (kt.errors.FailedTrialError, ["FAIL"], None),  # it counts as one of `max_trials`
        (kt.errors.FatalRuntimeError, ["FAIL"], "trial 0 has ended the search: FatalRuntimeError: not yet"),
    ],
)
def test_a_trial_says_that_it_is_not_to_be_tried_again_or_that_the_search_is_to_end(
    kind: type[Exception], states: list[str], said: str | None, home: Path, digits: Any
) -> None:
    space = Flaky(str(home / f"tried-{kind.__name__}"), kind)
    options: Any = {"max_trials": 1, "max_retries_per_trial": 3, "max_consecutive_failed_trials": 2, "jobs": 1}
    tuner = kt.RandomSearch(space, "val_accuracy", directory=home, project_name=kind.__name__, **options)
    with pytest.raises(kind, match=said) if said else contextlib.nullcontext():
        tuner.search(digits.x, digits.y, epochs=1, validation_split=0.3, verbose=0)
    study = tuner._project.open()
    assert study is not None
    trials = study.get_trials(deepcopy=False)
    assert [trial.state.name for trial in trials] == states
    assert not any("retry_of" in trial.user_attrs for trial in trials)


def test_a_search_is_given_up_after_as_many_failures_in_a_row_as_it_is_told(home: Path, digits: Any) -> None:
    tuner = kt.RandomSearch(
        Failing(), "val_accuracy", max_consecutive_failed_trials=2, directory=home, project_name="failing", jobs=1
    )
    with pytest.raises(RuntimeError, match=r"2 trials failed in a row, .*: too many rows for me") as raised:
        tuner.search(*digits.train, validation_data=digits.valid, verbose=0)
    assert isinstance(raised.value, TrialsFailed)
    trials = tuner.oracle.trials.values()
    assert [trial.status for trial in trials] == ["FAILED", "FAILED"]
    assert all("too many rows for me" in trial.message for trial in trials)
    assert tuner.get_best_models() == []


@pytest.mark.slow
@pytest.mark.own_workers  # a worker keeps the studies that it has opened
def test_overwrite_removes_the_study_and_sets_its_experiment_aside(home: Path, digits: Any) -> None:
    def search(**options: Any) -> Tuner:
        tuner = kt.BayesianOptimization(
            build_model, objective="val_loss", max_trials=2, directory=home, project_name="over write", **options
        )
        tuner.search(x=digits.x, y=digits.y, validation_data=digits.valid, epochs=2, verbose=0)
        return tuner

    first = search(seed=1)
    study = Path(first.project_dir).name
    before = find_store(f"sqlite:///{home}/mlflow.db", study)
    second = search(seed=2, overwrite=True, max_consecutive_failed_trials=5, num_initial_points=2)
    after = find_store(f"sqlite:///{home}/mlflow.db", study)
    assert before is not None
    assert after is not None
    assert before.experiment_id != after.experiment_id
    aside = before.client.get_experiment(before.experiment_id)
    assert aside.lifecycle_stage == "deleted"
    assert aside.name.startswith(f"{study} (overwritten ")
    assert len(child_runs(after)) == len(second.oracle.trials) == 2
    # of loss, the least is the best
    assert second.oracle.get_best_trials(1)[0].score == min(t.score for t in second.oracle.trials.values())


@pytest.mark.slow
def test_executions_are_averaged_and_several_objectives_summed(home: Path, digits: Any) -> None:
    objective = [kt.Objective("val_loss", "min"), "val_accuracy"]
    tuner = kt.RandomSearch(
        build_model, objective, max_trials=2, seed=3, directory=home, project_name="several", executions_per_trial=2
    )
    logs = home / "several-logs"
    tuner.search(
        *digits.train,
        validation_data=digits.valid,
        epochs=3,
        verbose=0,
        callbacks=[keras.callbacks.TensorBoard(logs)],
    )
    best = tuner.oracle.get_best_trials(1)[0]
    for trial in tuner.oracle.trials.values():
        executions = sorted((logs / trial.trial_id).iterdir())
        assert [folder.name for folder in executions] == ["execution0", "execution1"]
        # of each execution the epoch at which the sum was least
        ends = [min(validated(folder), key=lambda epoch: epoch[0] - epoch[1]) for folder in executions]
        loss, accuracy = np.mean(ends, axis=0)
        assert ends[0] != ends[1]
        assert trial.metrics.get_last_value("val_loss") == pytest.approx(loss)
        assert trial.metrics.get_last_value("val_accuracy") == pytest.approx(accuracy)
        assert trial.score == pytest.approx(loss - accuracy)
    loss, accuracy = tuner.get_best_models(1)[0].evaluate(*digits.valid, verbose=0)
    # the model is the better one of two, the score their mean
    assert loss - accuracy <= best.score + 1e-6


def validated(execution: Path) -> list[tuple[float, float]]:
    """The (loss, accuracy) of each epoch's validation that TensorBoard's callback has written."""
    events = EventAccumulator(str(execution / "validation")).Reload()
    tags = ("epoch_loss", "epoch_accuracy")
    curves = [[float(make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)] for tag in tags]
    assert len(curves[0]) == 3
    return list(zip(*curves, strict=True))


@pytest.mark.slow
def test_a_list_of_inputs_goes_to_the_models_input_layers(home: Path, digits: Any) -> None:
    tuner = kt.RandomSearch(two_inputs, "val_accuracy", max_trials=1, seed=1, directory=home, project_name="two")
    halves = [digits.x[:, :20], digits.x[:, 20:]]
    tuner.search(halves, digits.y, validation_split=0.2, epochs=2, sample_weight=np.ones(len(digits.y)), verbose=0)
    assert tuner.oracle.get_best_trials(1)[0].score > 0.2
    assert tuner.get_best_models(1)[0].predict(halves, verbose=0).shape == (len(digits.y), 10)


@pytest.mark.slow
@pytest.mark.parametrize("form", [list, dict])
def test_a_model_of_several_outputs_gets_a_target_for_each(home: Path, digits: Any, form: type) -> None:
    def targets(y: Any) -> Any:
        return [y, y % 2] if form is list else {"digit": y, "odd": y % 2}

    objective = kt.Objective("val_digit_accuracy", "max")
    project = f"targets-{form.__name__}"
    build = by_place if form is list else by_name
    tuner = kt.RandomSearch(build, objective, max_trials=1, seed=1, directory=home, project_name=project)
    valid = (digits.valid[0], targets(digits.valid[1]))
    # by name Keras itself takes no weights of a model whose outputs are a list
    weights = targets(np.ones(len(digits.train[1]), np.float32)) if form is list else None
    tuner.search(
        *(digits.train[0], targets(digits.train[1])), validation_data=valid, sample_weight=weights, epochs=3, verbose=0
    )
    best = tuner.oracle.get_best_trials(1)[0]
    assert best.score > 0.5
    model = tuner.get_best_models(1)[0]
    scores = model.evaluate(*valid, return_dict=True, verbose=0)
    assert scores["digit_accuracy"] == pytest.approx(best.score)
    assert scores["odd_accuracy"] == pytest.approx(best.metrics.get_last_value("val_odd_accuracy"))


def two_outputs(hp: keras_tuner.HyperParameters) -> keras.Model:
    """A second answer from the hidden layer."""
    pixels = keras.Input((64,))
    hidden = keras.layers.Dense(hp.Int("units", 32, 64), activation="relu")(keras.layers.Rescaling(1 / 16)(pixels))
    digit = keras.layers.Dense(10, activation="softmax", name="digit")(hidden)
    odd = keras.layers.Dense(1, activation="sigmoid", name="odd")(hidden)
    return keras.Model(pixels, [digit, odd])


def by_place(hp: keras_tuner.HyperParameters) -> keras.Model:
    model = two_outputs(hp)
    losses, metrics = ["sparse_categorical_crossentropy", "binary_crossentropy"], [["accuracy"], ["accuracy"]]
    weights = [0.9, hp.Float("odd_weight", 0.05, 0.2)]
    model.compile(keras.optimizers.Adam(5e-3), losses, metrics=metrics, loss_weights=weights)
    return model


def by_name(hp: keras_tuner.HyperParameters) -> keras.Model:
    model = two_outputs(hp)
    losses = {"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"}
    metrics = {"digit": ["accuracy"], "odd": ["accuracy"]}
    weights = {"digit": 0.9, "odd": hp.Float("odd_weight", 0.05, 0.2)}
    model.compile(keras.optimizers.Adam(5e-3), losses, metrics=metrics, loss_weights=weights)
    return model


@pytest.mark.slow
def test_hyperband_gives_the_other_executions_to_those_that_came_to_their_end(home: Path, digits: Any) -> None:
    counted = home / "executions"
    counted.mkdir()
    tuner = kt.Hyperband(
        build_model,
        "val_accuracy",
        max_epochs=3,
        factor=3,
        seed=1,
        directory=home,
        project_name="executions",
        executions_per_trial=2,
    )
    tuner.search(
        *digits.train, validation_data=digits.valid, callbacks=[keras.callbacks.TensorBoard(counted)], verbose=0
    )
    trials = tuner.oracle.trials
    models = {folder.name: len(list(folder.glob("execution*"))) for folder in counted.iterdir()}
    assert {models[id] for id, trial in trials.items() if trial.status == "COMPLETED"} == {2}
    assert {models[id] for id, trial in trials.items() if trial.status == "STOPPED"} == {1}


def two_inputs(hp: keras_tuner.HyperParameters) -> keras.Model:
    left, right = keras.Input((20,), name="left"), keras.Input((44,), name="right")
    hidden = keras.layers.Dense(hp.Int("units", 16, 32), activation="relu")(keras.layers.Concatenate()([left, right]))
    model = keras.Model([left, right], keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


SCRIPT = """
import json, keras, numpy as np
from sklearn.datasets import load_digits
import {module} as kt

x, y = load_digits(return_X_y=True)
SCALE = 16.0

def build_model(hp):
    model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Rescaling(1 / SCALE)])
    model.add(keras.layers.Dense(hp.Int("units", 16, 32), activation=hp.Choice("activation", ["relu", "tanh"])))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model

class Watching(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs):
        open("epochs.txt", "a").write(f"{{epoch}} {{logs['val_accuracy']}}\\n")

tuner = kt.RandomSearch(build_model, objective="val_accuracy", max_trials=2, project_name="script")
tuner.search(x, y, epochs=2, validation_split=0.2, callbacks=[Watching()])
print(json.dumps([trial.hyperparameters.values for trial in tuner.oracle.get_best_trials(2)]))
"""


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    def run(module: str) -> list[dict[str, Any]]:
        file = tmp_path / "reader.py"
        file.write_text(SCRIPT.format(module=module))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, file.name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=540
        )
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return found

    return run


@pytest.mark.slow
def test_a_script_needs_no_line_changed_but_its_import(
    script: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    # no `if __name__ == "__main__"`, a build function that uses a global, a callback class of the script's own
    found = script("sweeps.tuner")
    assert len(found) == 2
    assert all(set(values) == {"units", "activation"} for values in found)
    epochs = (tmp_path / "epochs.txt").read_text().splitlines()
    assert sorted(line.split()[0] for line in epochs) == ["0", "0", "1", "1"]
    assert (tmp_path / "runs" / "studies" / "script" / "journal.log").is_file()


@pytest.mark.parametrize(("objective", "executions"), [("accuracy", 1), (kt.Objective("val_auc", "max"), 2)])
def test_objectives_of_training_rows_and_names_of_any_kind_are_searched_as_by_keras_tuner(
    tmp_path: Path, digits: Any, objective: Any, executions: int
) -> None:
    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        units = hp.Int("units (layer 1)", 2, 8)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(units)])
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        # called auc_1 in the second execution, if its models are told apart
        model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC(), "accuracy"])
        return model

    tuner = kt.RandomSearch(build, objective, 1, directory=tmp_path, executions_per_trial=executions, jobs=1)
    tuner.search(digits.x, (digits.y % 2).astype(int), epochs=2, validation_split=0.2, verbose=0)
    (trial,) = tuner.oracle.get_best_trials(1)
    assert trial.status == "COMPLETED"
    name = objective if isinstance(objective, str) else objective.name
    assert trial.score == trial.metrics.get_best_value(name)
    assert list(trial.hyperparameters.values) == ["units (layer 1)"]


def test_a_tuner_that_searches_again_on_other_data_runs_what_is_left_of_its_trials(
    tmp_path: Path, digits: Any, caplog: pytest.LogCaptureFixture
) -> None:
    # as in KerasTuner, which does not look at the data: a loop over folds has one search
    caplog.set_level(logging.WARNING, "sweeps.tuner")
    tuner = kt.RandomSearch(build_model, "val_accuracy", max_trials=1, directory=tmp_path, jobs=1)
    tuner.search(*digits.train, validation_data=digits.valid, epochs=1, verbose=0)
    scores = [trial.score for trial in tuner.oracle.trials.values()]
    assert not caplog.messages
    tuner.search(*digits.valid, validation_data=digits.train, epochs=2, verbose=0)
    assert [trial.score for trial in tuner.oracle.trials.values()] == scores
    assert caplog.messages == [
        f"search: study '{Path(tuner.project_dir).name}' was begun with other data; no trial is left to run"
    ]
    tuner.oracle.max_trials = 2
    tuner.search(*digits.valid, validation_data=digits.train, epochs=1, verbose=0)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"] * 2
    assert "scores of different data are compared" in caplog.messages[-1]
    assert tuner.remaining_trials == 0


def test_the_last_point_of_a_grid_is_tried_again_too(
    tmp_path: Path, digits: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = tmp_path / "tried"

    class LastFails(kt.HyperModel):  # type: ignore[misc]
        def build(self, hp: kt.HyperParameters) -> keras.Model:
            model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(hp.Choice("units", [10, 12]))])
            model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
            return model

        def fit(self, hp: kt.HyperParameters, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
            if len(x) > 100 and hp.get("units") == 12 and not tried.exists():
                tried.touch()
                raise ValueError("not yet")
            return model.fit(x, y, **kwargs)

    tuner = kt.GridSearch(LastFails(), "val_accuracy", max_retries_per_trial=1, directory=tmp_path, jobs=1)
    tuner.search(*digits.train, validation_data=digits.valid)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["COMPLETED"] * 2
    printed = [line.split()[:4] for line in capsys.readouterr().out.splitlines() if " trial " in line]
    assert printed == [["1", "trial", "0", "COMPLETE"], ["1", "trial", "1", "FAIL"], ["2", "trial", "1", "COMPLETE"]]
