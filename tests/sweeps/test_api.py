"""`sweeps.run(…)`: models and data in memory, from a notebook."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from functools import partial, update_wrapper
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits
from support import SharedWorker

import sweeps
from sweeps.api.given_data import dataset_of
from sweeps.config import load_config
from sweeps.engine import sweep
from sweeps.engine.cluster import slots
from sweeps.engine.scheduler import SearchBegun
from sweeps.errors import InputError
from sweeps.study.study import Objective
from sweeps.trial.plan import EpochReport, TrialOutcome
from tracking import child_runs, find_store

pytestmark = pytest.mark.usefixtures("one_worker")


def build_model(hp: keras_tuner.HyperParameters, widest: int = 64, deeper: bool = False) -> keras.Model:
    inputs = keras.Input((64,))
    hidden = keras.layers.Dense(hp.Int("units", 16, widest), activation="relu")(keras.layers.Rescaling(1 / 16)(inputs))
    if deeper:
        hidden = keras.layers.Dense(8)(hidden)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_build_function_and_arrays_are_swept_and_the_best_model_comes_back(here: Path) -> None:
    x, y = load_digits(return_X_y=True)
    options = {"study": "notebook", "trials": 3, "epochs": 4, "pruner": "none", "show": False}
    result = sweeps.run(build_model, data=(x[:1200], y[:1200]), validation_data=(x[1200:], y[1200:]), **options)
    assert result.status.trials["COMPLETE"] == 3
    assert [row.state for row in result.trials] == ["COMPLETE"] * 3
    _, accuracy = result.model().evaluate(x[1200:].astype("float32"), y[1200:], verbose=0)
    assert accuracy == pytest.approx(result.best.value, abs=2e-4)
    assert (here / "runs/studies/notebook/journal.log").is_file()
    with pytest.raises(InputError, match="a COMPLETE trial of 'notebook' is wanted, got 7"):
        result.model(7)

    # other data or another space under the same name are another study
    with pytest.raises(InputError, match=r"(?s)digest: .*\(digest is of the data as the models get it"):
        sweeps.run(build_model, data=(x[:1200], y[:1200]), **options | {"trials": 4})
    with pytest.raises(InputError, match=r"build_model has changed since study 'notebook' was begun: the space itself"):
        sweeps.run(
            update_wrapper(partial(build_model, widest=128), build_model),
            data=(x[:1200], y[:1200]),
            validation_data=(x[1200:], y[1200:]),
            **options | {"trials": 4},
        )


def test_a_worker_that_dies_costs_no_trial_though_the_data_are_in_memory(here: Path) -> None:
    def dies_once(hp: keras_tuner.HyperParameters) -> keras.Model:
        died = here / "died"
        if hasattr(hp, "trial") and (here / "runs/studies/dying").is_dir() and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return build_model(hp)

    result = sweeps.run(dies_once, load_digits(return_X_y=True), study="dying", trials=2, epochs=1, jobs=1, show=False)
    assert [row.state for row in result.trials] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert "killed by signal 9" in str(result.trials[0].error)


def test_a_workspace_that_was_removed_is_begun_anew_by_the_same_process(here: Path) -> None:
    given = {"space": build_model, "data": load_digits(return_X_y=True), "study": "twice", "epochs": 1, "show": False}
    sweeps.run(**given, trials=2)
    shutil.rmtree(here / "runs")
    result = sweeps.run(**given, trials=1)
    assert [row.number for row in result.trials] == [0]
    assert result.model().count_params() > 0  # of the new store
    runs = find_store(f"sqlite:///{here}/runs/mlflow.db", "twice")
    assert runs is not None
    assert len(child_runs(runs)) == 1


@pytest.mark.slow
def test_a_trial_is_trained_on_only_with_the_space_and_the_data_that_it_had(here: Path) -> None:
    x, y = load_digits(return_X_y=True)
    given = {"space": build_model, "data": (x[:1200], y[:1200]), "validation_data": (x[1200:], y[1200:])}
    result = sweeps.run(**given, study="notebook", trials=1, epochs=4, show=False)
    with pytest.raises(
        InputError, match=r"had its space from .*Result\('notebook'\).continue_trial\(.*space=…, data=…\)"
    ):
        result.continue_trial(0, 2)
    with pytest.raises(InputError, match=r"begun with another configuration: digest: "):
        result.continue_trial(0, 2, **given | {"validation_data": (x[1100:], y[1100:])})
    for changed in ({"widest": 128}, {"deeper": True}):
        with pytest.raises(InputError, match=r"the space has changed since trial 0: the space itself"):
            result.continue_trial(0, 2, **given | {"space": partial(build_model, **changed)})
    continued = result.continue_trial(0, 2, **given)
    assert (continued.origin, continued.begun, continued.epochs) == (0, 4, 6)
    assert continued.before == result.trials[0].value
    assert len(result.study.trials[continued.number].user_attrs["params"]) == 1


def test_an_interrupted_cell_says_in_two_lines_how_to_go_on(here: Path) -> None:
    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        if hasattr(hp, "trial") and (here / "runs/studies/cut").is_dir():
            (here / "begun").touch()
        return build_model(hp)

    def interrupt() -> None:
        while not (here / "begun").exists():
            time.sleep(0.02)
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.main_thread().ident
    assert main is not None
    given = {"space": build, "data": load_digits(return_X_y=True), "study": "cut", "trials": 1, "show": False}
    waiting = threading.Thread(target=interrupt)
    # as in a notebook, whatever a command line has left in this process
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        waiting.start()
        with pytest.raises(KeyboardInterrupt) as stop:
            sweeps.run(**given, epochs=300)
        waiting.join()
    finally:
        signal.signal(signal.SIGINT, before)
    how = "The same call goes on; what was running continues where it was."
    # what a notebook shows in place of a traceback
    assert stop.value._render_traceback_() == ["KeyboardInterrupt: 0 of 1 trials of study 'cut' are done", how]
    assert stop.value.__notes__ == [how]
    assert sweeps.run(**given, epochs=300).status.trials["COMPLETE"] == 1


def test_a_space_that_cannot_be_sent_to_workers_is_said_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = threading.Lock()

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        with lock:
            return build_model(hp)

    with pytest.raises(InputError) as error:
        sweeps.run(build, load_digits(return_X_y=True), study="locked", trials=1, epochs=1)
    (line,) = error.value._render_traceback_()
    assert line.startswith("InputError: space: must be picklable, since trials run in other processes; TypeError: ")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("study locked: 1 trial of 1 epoch, dataset arrays, space build, ")
    assert not (here / "runs").exists()


class Recording:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.objective: Objective | None = None
        self.epochs: list[EpochReport] = []
        self.trials: list[TrialOutcome] = []

    def begin(self, begun: SearchBegun) -> None:
        self.objective = begun.objective

    def epoch(self, report: EpochReport) -> None:
        self.epochs.append(report)

    def trial(self, outcome: TrialOutcome) -> None:
        self.trials.append(outcome)


def test_a_watcher_is_told_of_every_epoch_and_every_trial(here: Path) -> None:
    watcher = Recording()
    sweep.run(load_config({"trials": 2, "epochs": 3, "pruner": "none", "jobs": 1, "set": ["n_hidden=1"]}), watcher)
    assert watcher.objective == Objective("val_accuracy", "maximize")
    assert [outcome.state for outcome in watcher.trials] == ["COMPLETE", "COMPLETE"]
    assert [(report.number, report.epoch) for report in watcher.epochs] == [(n, e) for n in (0, 1) for e in (1, 2, 3)]
    assert max(report.value for report in watcher.epochs if report.number == 0) == watcher.trials[0].value


@pytest.mark.slow
def test_a_space_without_hyperparameters_has_one_trial_whatever_the_jobs(here: Path) -> None:
    x, y = load_digits(return_X_y=True)

    def fixed(hp: keras_tuner.HyperParameters) -> keras.Model:
        inputs = keras.Input((64,))
        model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(inputs))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    with slots(2) as client, SharedWorker(client).lent():
        client.wait_for_workers(2, timeout=60)
        result = sweeps.run(fixed, (x, y), study="fixed", trials=4, epochs=1, jobs=2, show=False)
    assert [row.state for row in result.trials] == ["COMPLETE"]


def test_an_unknown_option_is_named_by_a_value_error(here: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown option 'trails'. Did you mean 'trials'\?"):
        sweeps.run(data=(np.zeros((9, 2)), np.arange(9) % 3), trails=3)


def test_validation_rows_of_a_frame_are_a_frame(here: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(20.0), "y": np.arange(20) % 2})
    with pytest.raises(InputError, match="validation_data: a DataFrame as in data is needed"):
        sweeps.run(data=frame, target="y", validation_data=(frame[["a"]], frame["y"]))
    dataset, _ = dataset_of(frame, frame.head(4), {"target": "y"}, "mlp")
    assert dataset is not None
    assert [len(part) for part in dataset.parts] == [20, 4]


def test_only_what_is_public_is_offered() -> None:
    assert set(sweeps.__all__) == {"Result", "plots", "run"}
    assert callable(sweeps.run)
    assert callable(sweeps.plots.history)
    with pytest.raises(AttributeError, match="has no attribute 'walk'"):
        sweeps.walk  # noqa: B018


def two_inputs(hp: keras_tuner.HyperParameters) -> keras.Model:
    inputs = [keras.Input((64,), name="left"), keras.Input((64,), name="right")]
    joined = keras.layers.Concatenate()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(joined))
    model.compile(hp.Choice("optimizer", ["adam", "sgd"]), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.slow
def test_a_dataset_of_two_inputs_is_swept(here: Path) -> None:
    x, y = load_digits(return_X_y=True)
    rows = tf.data.Dataset.from_tensor_slices(((x, x), y)).batch(100)
    result = sweeps.run(two_inputs, data=rows, trials=2, epochs=2, study="batches", show=False)
    assert result.status.trials["COMPLETE"] == 2
    assert result.test_data is not None
    held, _ = result.test_data
    assert set(held) == {"left", "right"}
