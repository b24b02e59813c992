"""The sections of KerasTuner's official guides, each as a small program of our own.

Each takes the module, `keras_tuner` or `sweeps.tuner`, small data, and a folder; it returns nothing, and raises where
the section would.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from both import Program, Rows

SECTIONS: dict[str, Program] = {}


def section(name: str) -> Callable[[Program], Program]:
    def add(function: Program) -> Program:
        SECTIONS[name] = function
        return function

    return add


def dense(hp: Any, metrics: Any = ("accuracy",), units: str = "units") -> keras.Model:
    model = keras.Sequential([keras.Input((64,))])
    for index in range(hp.Int("layers", 1, 2)):
        model.add(keras.layers.Dense(hp.Int(f"{units}_{index}", 4, 12, step=4), activation=hp.Choice("act", ["relu"])))
    if hp.Boolean("dropout"):
        model.add(keras.layers.Dropout(0.25))
    model.add(keras.layers.Dense(10, activation="softmax"))
    rate = hp.Float("lr", 1e-3, 1e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


def regression(hp: Any, metrics: Any) -> keras.Model:
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(hp.Int("units", 2, 8, step=2)), keras.layers.Dense(1)]
    )
    model.compile("adam", "mean_squared_error", metrics=metrics)
    return model


def random_search(kt: Any, model: Any, folder: Path, objective: Any = "val_accuracy", **options: Any) -> Any:
    given = {"max_trials": 2, "overwrite": True, "directory": folder, "project_name": "guide"} | options
    return kt.RandomSearch(hypermodel=model, objective=objective, **given)


def search(tuner: Any, rows: Rows, **options: Any) -> None:
    tuner.search(*rows.train, **({"epochs": 1, "validation_data": rows.valid, "verbose": 0} | options))


@section("getting started: tune the architecture, query the results")
def _architecture(kt: Any, rows: Rows, folder: Path) -> None:
    dense(kt.HyperParameters())
    tuner = random_search(kt, dense, folder, executions_per_trial=2)
    tuner.search_space_summary()
    search(tuner, rows)
    best, second = tuner.get_best_models(num_models=2)
    best.summary()
    tuner.results_summary()
    assert best.predict(rows.valid[0], verbose=0).shape == second.predict(rows.valid[0], verbose=0).shape


@section("getting started: existing code with hyperparameters around it")
def _existing(kt: Any, rows: Rows, folder: Path) -> None:
    def existing(units: int, rate: float) -> keras.Model:
        model = keras.Sequential([keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")])
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    tuner = random_search(kt, lambda hp: existing(hp.Int("units", 4, 8), hp.Float("rate", 1e-3, 1e-2)), folder)
    search(tuner, rows)
    assert set(tuner.get_best_hyperparameters()[0].values) == {"units", "rate"}


@section("getting started: retrain the best model on all data")
def _retrain(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = random_search(kt, dense, folder)
    search(tuner, rows)
    model = tuner.hypermodel.build(tuner.get_best_hyperparameters(5)[0])
    model.fit(np.concatenate([rows.train[0], rows.valid[0]]), np.concatenate([rows.train[1], rows.valid[1]]), verbose=0)


@section("getting started: tune the training in HyperModel.fit")
def _training(kt: Any, rows: Rows, folder: Path) -> None:
    class Shuffled(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> keras.Model:
            return dense(hp)

        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            return model.fit(*args, shuffle=hp.Boolean("shuffle"), **kwargs)

    hp = kt.HyperParameters()
    Shuffled().fit(hp, Shuffled().build(hp), rows.train[0][:32], rows.train[1][:32], verbose=0)
    tuner = random_search(kt, Shuffled(), folder)
    search(tuner, rows)
    assert "shuffle" in tuner.get_best_hyperparameters()[0].values


@section("getting started: tune the preprocessing, retrain with the hypermodel")
def _preprocessing(kt: Any, rows: Rows, folder: Path) -> None:
    class Scaled(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> keras.Model:
            return dense(hp)

        def fit(self, hp: Any, model: keras.Model, x: Any, y: Any, **kwargs: Any) -> Any:
            if hp.Boolean("scaled"):
                x = keras.layers.Rescaling(1 / 16)(x)
            return model.fit(x, y, shuffle=hp.Boolean("shuffle"), **kwargs)

    tuner = random_search(kt, Scaled(), folder)
    search(tuner, rows)
    best = tuner.get_best_hyperparameters()[0]
    model = tuner.hypermodel.build(best)
    tuner.hypermodel.fit(best, model, *rows.train, epochs=1, verbose=0)


@section("getting started: a built-in metric as the objective")
def _metric(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = random_search(
        kt, lambda hp: regression(hp, [keras.metrics.MeanAbsoluteError()]), folder, "val_mean_absolute_error"
    )
    search(tuner, rows)
    scores = [trial.score for trial in tuner.oracle.get_best_trials(2)]
    assert scores == sorted(scores)


@keras.saving.register_keras_serializable("guides")
class LargestError(keras.metrics.Metric):
    """The largest error of an epoch."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        errors = keras.ops.abs(keras.ops.cast(keras.ops.reshape(y_true, (-1, 1)), "float32") - y_pred)
        self.largest.assign(keras.ops.maximum(self.largest, keras.ops.max(errors)))

    def result(self) -> Any:
        return self.largest

    def reset_state(self) -> None:
        self.largest.assign(0.0)


@section("getting started: a metric of one's own as the objective")
def _own_metric(kt: Any, rows: Rows, folder: Path) -> None:
    objective = kt.Objective("val_largest", direction="min")
    tuner = random_search(kt, lambda hp: regression(hp, [LargestError(name="largest")]), folder, objective)
    search(tuner, rows)
    assert tuner.oracle.get_best_trials()[0].score > 0


@section("getting started: tune any function, with run_trial")
def _black_box(kt: Any, rows: Rows, folder: Path) -> None:
    class Parabola(kt.RandomSearch):  # type: ignore[misc,name-defined]
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            x = trial.hyperparameters.Float("x", -1.0, 1.0)
            return float(x * x + 1)

    tuner = Parabola(max_trials=8, overwrite=True, directory=folder, project_name="any")
    tuner.search()
    best = tuner.get_best_hyperparameters()[0].get("x")
    assert tuner.oracle.get_best_trials()[0].score == pytest.approx(best * best + 1)


@section("getting started: Keras code that knows nothing of the tuner")
def _separate(kt: Any, rows: Rows, folder: Path) -> None:
    def train(units: int, rate: float, path: Path) -> float:
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(units, "relu"), keras.layers.Dense(10, "softmax")]
        )
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*rows.train, verbose=0)
        model.save(path)
        return float(model.evaluate(*rows.valid, verbose=0)[1])

    class Outside(kt.RandomSearch):  # type: ignore[misc,name-defined]
        def run_trial(self, trial: Any, **kwargs: Any) -> dict[str, float]:
            hp = trial.hyperparameters
            path = folder / f"{trial.trial_id}.keras"
            return {"accuracy": train(hp.Int("units", 4, 8), hp.Float("rate", 1e-3, 1e-2), path)}

    tuner = Outside(
        objective=kt.Objective("accuracy", "max"),
        max_trials=2,
        overwrite=True,
        directory=folder,
        project_name="separate",
    )
    tuner.search()
    best = tuner.oracle.get_best_trials()[0]
    train(**tuner.get_best_hyperparameters()[0].values, path=folder / "again.keras")
    assert keras.models.load_model(folder / f"{best.trial_id}.keras").count_params() > 0


@section("getting started: a tunable application")
def _application(kt: Any, rows: Rows, folder: Path) -> None:
    hypermodel = kt.applications.HyperXception(input_shape=(32, 32, 1), classes=10)
    x = np.kron(rows.train[0][:16].reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 1), "float32"))
    hp = kt.HyperParameters()
    for name, value in (("num_residual_blocks", 2), ("conv2d_num_filters", 32), ("sep_num_filters", 128)):
        hp.Fixed(name, value)
    tuner = random_search(
        kt, hypermodel, folder, max_trials=1, hyperparameters=hp, tune_new_entries=False, allow_new_entries=True
    )
    y = keras.utils.to_categorical(rows.train[1][:16], 10)
    tuner.search(x, y, epochs=1, validation_data=(x, y), verbose=0)
    assert tuner.get_best_models()


@section("custom training loop: HyperModel.fit with callbacks called by hand")
def _loop(kt: Any, rows: Rows, folder: Path) -> None:
    class Loop(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> keras.Model:
            inputs = keras.Input((64,))
            hidden = keras.layers.Dense(hp.Int("units", 4, 8), "relu")(inputs)
            return keras.Model(inputs, keras.layers.Dense(10)(hidden))

        def fit(
            self, hp: Any, model: keras.Model, x: Any, y: Any, validation_data: Any, callbacks: Any = None, **_: Any
        ) -> Any:
            data = tf.data.Dataset.from_tensor_slices((x, y)).batch(hp.Choice("batch", [50, 100]))
            optimizer = keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-2))
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            mean = keras.metrics.Mean()
            for callback in callbacks or []:
                callback.set_model(model)
            least = float("inf")
            for epoch in range(2):
                for batch, target in data:
                    with tf.GradientTape() as tape:
                        error = loss(target, model(batch))
                    gradients = tape.gradient(error, model.trainable_variables)
                    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
                mean.update_state(loss(validation_data[1], model(validation_data[0])))
                value = float(mean.result())
                for callback in callbacks or []:
                    callback.on_epoch_end(epoch, logs={"my_metric": value})
                mean.reset_state()
                least = min(least, value)
            return least

    tuner = random_search(kt, Loop(), folder, kt.Objective("my_metric", "min"))
    tuner.search(x=rows.train[0], y=rows.train[1], validation_data=rows.valid)
    best = tuner.get_best_hyperparameters()[0]
    assert {"units", "batch", "rate"} <= set(best.values)
    model = tuner.get_best_models()[0]
    logits = model.predict(rows.valid[0], verbose=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(rows.valid[1], logits)
    assert float(loss) == pytest.approx(tuner.oracle.get_best_trials()[0].score, rel=1e-4)


@section("distributed tuning: Hyperband with steps and a callback")
def _hyperband(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = kt.Hyperband(
        hypermodel=dense, objective="val_accuracy", max_epochs=2, factor=2, directory=folder, project_name="kt"
    )
    search(
        tuner,
        rows,
        steps_per_epoch=5,
        validation_steps=2,
        callbacks=[keras.callbacks.EarlyStopping("val_accuracy")],
    )
    assert tuner.get_best_models()


@section("distributed tuning: a distribution strategy")
def _strategy(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = random_search(kt, dense, folder, distribution_strategy=tf.distribute.MirroredStrategy(["/cpu:0"]))
    search(tuner, rows)
    assert len(tuner.oracle.trials) == 2


@section("failed trials: every trial fails")
def _all_fail(kt: Any, rows: Rows, folder: Path) -> None:
    class Failing(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> keras.Model:
            return dense(hp)

        def fit(self, hp: Any, model: keras.Model, x: Any, *args: Any, **kwargs: Any) -> Any:
            if len(x) > 100:
                raise ValueError("too large a model")
            return model.fit(x, *args, **kwargs)

    search(random_search(kt, Failing(), folder, max_trials=5), rows)


@section("failed trials: some fail, and are tried again")
def _some_fail(kt: Any, rows: Rows, folder: Path) -> None:
    def build(hp: Any) -> keras.Model:
        model = dense(hp)
        if hp.Int("size", 1, 4) > 3:
            raise ValueError("too large a model")
        return model

    tuner = random_search(
        kt, build, folder, max_trials=3, max_retries_per_trial=1, max_consecutive_failed_trials=8, seed=3
    )
    search(tuner, rows)
    tuner.results_summary()


@section("failed trials: marked by FailedTrialError")
def _marked(kt: Any, rows: Rows, folder: Path) -> None:
    def build(hp: Any) -> keras.Model:
        model = dense(hp)
        if model.count_params() > 800:
            raise kt.errors.FailedTrialError(f"too large: {model.count_params()}")
        return model

    tuner = random_search(kt, build, folder, max_trials=4, max_consecutive_failed_trials=8, seed=3)
    search(tuner, rows)
    assert tuner.oracle.get_best_trials()[0].score is not None


@section("failed trials: the search is ended by FatalError")
def _fatal(kt: Any, rows: Rows, folder: Path) -> None:
    def build(hp: Any) -> keras.Model:
        model = dense(hp)
        if hp.Int("size", 1, 4) > 0 and hp.Boolean("ends", default=True):
            return model
        raise kt.errors.FatalError("the search is ended")

    search(random_search(kt, build, folder, max_trials=10, seed=1), rows)


@section("tailor the space: search some hyperparameters, defaults for the others")
def _some(kt: Any, rows: Rows, folder: Path) -> None:
    hp = kt.HyperParameters()
    hp.Float("lr", 1e-4, 1e-1, sampling="log")
    tuner = random_search(kt, dense, folder, hyperparameters=hp, tune_new_entries=False)
    search(tuner, rows)
    tuner.search_space_summary()
    assert all(trial.hyperparameters.get("layers") == 1 for trial in tuner.oracle.trials.values())
    assert [entry.name for entry in tuner.oracle.get_space().space] == ["lr"]


@section("tailor the space: fix some hyperparameters, search the others")
def _fixed(kt: Any, rows: Rows, folder: Path) -> None:
    hp = kt.HyperParameters()
    hp.Fixed("lr", value=2e-3)
    tuner = random_search(kt, dense, folder, hyperparameters=hp, tune_new_entries=True)
    search(tuner, rows)
    assert all(trial.hyperparameters.get("lr") == 2e-3 for trial in tuner.oracle.trials.values())


@section("tailor the space: other arguments of compile")
def _compile(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = random_search(
        kt,
        dense,
        folder,
        optimizer=keras.optimizers.Adam(1e-2),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    search(tuner, rows)
    assert tuner.get_best_models()


@section("visualize: a TensorBoard callback")
def _tensorboard(kt: Any, rows: Rows, folder: Path) -> None:
    tuner = random_search(kt, dense, folder)
    search(tuner, rows, callbacks=[keras.callbacks.TensorBoard(str(folder / "logs"))])
    for trial in tuner.oracle.trials:
        assert list((folder / "logs" / trial / "execution0").rglob("events*"))
