"""Public scripts by how they search; see `public_scripts.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from both import Rows
from keras import layers
from public_scripts import found, script
from sklearn import ensemble, metrics, svm
from sklearn.model_selection import KFold, StratifiedKFold


@script
def cross_validation_in_run_trial(kt: Any, rows: Rows, folder: Path) -> Any:
    """Names of its own as arguments of `search`; the rate is asked for in `run_trial`, and compiles the model."""

    class Folds(kt.BayesianOptimization):  # type: ignore[misc,name-defined]
        def run_trial(self, trial: Any, data: Any, folds: Any, batch_size: int, **kwargs: Any) -> dict[str, Any]:
            x, y = data
            losses = []
            for train, valid in folds:
                model = self.hypermodel.build(trial.hyperparameters)
                rate = trial.hyperparameters.Float("learning_rate", 1e-3, 1e-2, sampling="log")
                model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
                held = (x[valid], y[valid])
                fitted = model.fit(x[train], y[train], batch_size, 1, 0, validation_data=held)
                losses.append(min(fitted.history["val_loss"]))
            return {"val_loss": np.mean(losses)}

    def build(hp: Any) -> keras.Model:
        return keras.Sequential(
            [keras.Input((64,)), layers.Dense(hp.Int("units", 4, 8), "relu"), layers.Dense(10, "softmax")]
        )

    tuner = Folds(
        hypermodel=lambda hp: build(hp=hp), objective="val_loss", max_trials=3, directory=folder, overwrite=True
    )
    tuner.search(data=rows.train, folds=list(KFold(2).split(rows.train[0])), batch_size=64)
    best = tuner.get_best_hyperparameters()[0]
    model = tuner.hypermodel.build(best)
    model.compile(keras.optimizers.Adam(best.get("learning_rate")), "sparse_categorical_crossentropy")
    model.fit(*rows.train, verbose=0)
    return found(tuner), len(tuner.oracle.trials)


@script
def transfer_in_two_phases(kt: Any, rows: Rows, folder: Path) -> Any:
    """`HyperModel.fit` trains a head on a frozen base, compiles again, and trains all of it."""

    class TwoPhases(kt.HyperModel):  # type: ignore[misc,name-defined]
        def __init__(self, shape: tuple[int, ...], most: int = 2) -> None:
            self.shape, self.most = shape, most
            self.base: Any = None

        def build(self, hp: Any) -> keras.Model:
            base = keras.applications.MobileNet(self.shape, alpha=0.25, include_top=False, weights=None)
            name = hp.Choice("last_layer", ["conv_pw_1_relu", "conv_pw_2_relu"])
            self.base = keras.Model(base.input, base.get_layer(name).output)
            self.base.trainable = False
            inputs = keras.Input(self.shape)
            x = layers.GlobalAveragePooling2D()(self.base(inputs, training=False))
            model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
            model.compile("adam", keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.BinaryAccuracy()])
            return model

        def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
            model.fit(*args, **kwargs, epochs=hp.Int("epochs_1", min_value=1, max_value=self.most))
            model.trainable = True
            rate = hp.Float("fine_tune_lr", min_value=1e-5, max_value=1e-3, sampling="log")
            model.compile(
                optimizer=keras.optimizers.Adam(learning_rate=rate),
                loss=keras.losses.BinaryCrossentropy(),
                metrics=[keras.metrics.BinaryAccuracy()],
            )
            return model.fit(*args, **kwargs, epochs=hp.Int("epochs_2", min_value=1, max_value=self.most))

    x = np.kron(rows.train[0][:32].reshape(-1, 8, 8, 1), np.ones((1, 4, 4, 3), "float32"))
    y = (rows.train[1][:32] > 4).astype("float32")
    tuner = kt.RandomSearch(TwoPhases((32, 32, 3)), "val_binary_accuracy", max_trials=2, directory=folder)
    tuner.search(x, y, validation_data=(x, y), batch_size=16, verbose=0)
    return found(tuner), tuner.get_best_models()[0].predict(x, verbose=0).shape


@script
def grid_of_conditions(kt: Any, rows: Rows, folder: Path) -> Any:
    """Conditions by scope and by `parent_name`, in a container of its own; other values are not asked for."""

    def build(hp: Any) -> keras.Model:
        kind = hp.Choice("kind", ["adam", "sgd"])
        with hp.conditional_scope("kind", ["adam"]):
            rate = hp.Choice("adam_rate", [0.01, 0.001])
        with hp.conditional_scope("kind", "sgd"):
            momentum = hp.Float("momentum", 0.0, 0.8, step=0.4)
        nesterov = hp.Boolean("nesterov", parent_name="kind", parent_values=["sgd"])
        optimizer = keras.optimizers.Adam(rate) if kind == "adam" else keras.optimizers.SGD(0.01, momentum, nesterov)
        model = keras.Sequential([keras.Input((64,)), layers.Dense(4), layers.Dense(10, "softmax")])
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    hp = kt.HyperParameters()
    hp.Fixed("batch_norm", value=True)
    hp.Choice("kind", ["adam", "sgd"], default="sgd")
    tuner = kt.GridSearch(build, "val_accuracy", hyperparameters=hp, directory=folder, project_name="grid")
    tuner.search_space_summary(extended=True)
    tuner.search(*rows.train, validation_data=rows.valid, verbose=0)
    tuner.results_summary(num_trials=3)
    tried = [
        tuple(sorted((name, value) for name, value in trial.hyperparameters.values.items() if value is not None))
        for trial in tuner.oracle.get_best_trials(20)
    ]
    kinds = sorted(dict(values)["kind"] for values in tried)
    return kinds, sorted(entry.name for entry in tuner.oracle.get_space().space)


@script
def scikit_learn_by_sklearn_tuner(kt: Any, rows: Rows, folder: Path) -> Any:
    """Two kinds of models behind a condition, stratified folds, a metric of its own."""

    class Classifier(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> Any:
            if hp.Choice("model_type", ["svc", "forest"]) == "svc":
                with hp.conditional_scope("model_type", "svc"):
                    return svm.SVC(C=hp.Float("C", 1.0, 20.0, step=5), kernel=hp.Choice("kernel", ["linear", "rbf"]))
            with hp.conditional_scope("model_type", "forest"):
                return ensemble.RandomForestClassifier(n_estimators=hp.Int("trees", 2, 6, step=2))

    tuner = kt.tuners.SklearnTuner(
        oracle=kt.oracles.BayesianOptimizationOracle(objective=kt.Objective("score", "max"), max_trials=4),
        hypermodel=Classifier(),
        scoring=metrics.make_scorer(metrics.accuracy_score),
        cv=StratifiedKFold(2),
        directory=folder,
        project_name="svm",
    )
    tuner.search(*rows.train)
    best = tuner.get_best_models(num_models=1)[0]
    best.fit(*rows.train)
    return len(tuner.oracle.trials), best.predict(rows.valid[0]).shape, found(tuner)["metrics"]


class TunerFnResult(NamedTuple):
    """What the tuner function of a pipeline returns."""

    tuner: Any
    fit_kwargs: dict[str, Any]


def _pipeline_model(hp: Any, width: int) -> keras.Model:
    inputs = {"left": keras.Input((32,), name="left"), "right": keras.Input((32,), name="right")}
    x = layers.concatenate(list(inputs.values()))
    for _ in range(int(hp.get("n_layers"))):
        x = layers.Dense(width, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    rate = hp.get("learning_rate")
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["sparse_categorical_accuracy"])
    return model


@script
def tuner_function_of_a_pipeline(kt: Any, rows: Rows, folder: Path) -> Any:
    """All hyperparameters are declared outside, the model reads them; a Dataset that repeats, with steps."""

    def declared() -> Any:
        hp = kt.HyperParameters()
        hp.Choice("learning_rate", [1e-2, 1e-3], default=1e-2)
        hp.Int("n_layers", 1, 2, default=1)
        return hp

    def read(part: tuple[Any, Any]) -> Any:
        x, y = part
        features = {"left": x[:, :32], "right": x[:, 32:]}
        return tf.data.Dataset.from_tensor_slices((features, y)).shuffle(100).repeat().batch(20).prefetch(2)

    def tuner_fn() -> TunerFnResult:
        tuner = kt.RandomSearch(
            partial(_pipeline_model, width=6),
            max_trials=3,
            hyperparameters=declared(),
            allow_new_entries=False,
            objective=kt.Objective("val_sparse_categorical_accuracy", "max"),
            directory=folder,
            project_name="penguin",
        )
        steps = {"steps_per_epoch": 5, "validation_steps": 2}
        return TunerFnResult(tuner, {"x": read(rows.train), "validation_data": read(rows.valid), **steps})

    tuner, fit_kwargs = tuner_fn()
    tuner.search(**fit_kwargs, epochs=2, verbose=0)
    best = tuner.get_best_hyperparameters()[0]
    values = json.loads(json.dumps(best.get_config()))
    model = _pipeline_model(kt.HyperParameters.from_config(values), width=6)
    return found(tuner), model.count_params() > 0


@script
def results_read_by_another_run(kt: Any, rows: Rows, folder: Path) -> Any:
    """The script runs again: nothing is trained, `reload`, all models evaluated, values kept as JSON."""

    def build(hp: Any) -> keras.Model:
        keras.backend.clear_session()
        model = keras.Sequential()
        model.add(layers.Dense(hp.Int("units", 4, 16, step=4), activation=hp.Choice("act", ["relu", "tanh"])))
        model.add(layers.Dense(10, activation="softmax"))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def tuner() -> Any:
        return kt.RandomSearch(
            build, kt.Objective("val_accuracy", "max"), max_trials=2, seed=1, directory=folder, project_name="Größen 1"
        )

    def run() -> Iterator[Any]:
        first = tuner()
        x, y = tf.convert_to_tensor(rows.train[0]), tf.convert_to_tensor(rows.train[1])
        first.search(x=x, y=y, epochs=1, validation_split=0.25, verbose=0)
        for best in first.get_best_models(num_models=2):
            best.build((None, 64))
            yield best.evaluate(*rows.valid, verbose=0)

    before = list(run())
    assert list(run()) == before
    again = tuner()
    again.reload()
    table = pd.DataFrame(
        [{**trial.hyperparameters.values, "score": trial.score} for trial in again.oracle.get_best_trials(5)]
    )
    assert table["score"].is_monotonic_decreasing
    (folder / "best.json").write_text(json.dumps(again.get_best_hyperparameters(1)[0].values))
    hp = kt.HyperParameters()
    for name, value in json.loads((folder / "best.json").read_text()).items():
        hp.values[name] = value
    assert again.hypermodel.build(hp).layers[0].units == table["units"][0]
    return len(before), table.shape, sorted(table.columns)
