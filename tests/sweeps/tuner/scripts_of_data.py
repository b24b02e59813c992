"""Public scripts by what they train on; see `public_scripts.py`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from both import Rows
from keras import layers
from public_scripts import found, script
from sklearn import metrics


@script
def images_by_hyperband(kt: Any, rows: Rows, folder: Path) -> Any:
    """Blocks in a loop, an EarlyStopping, and the best values trained again for the best number of epochs."""

    def build(hp: Any) -> keras.Model:
        inputs = keras.Input((8, 8, 1))
        x = inputs
        for i in range(hp.Int("conv_blocks", 1, 2, default=1)):
            filters = hp.Int(f"filters_{i}", 4, 8, step=4)
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.MaxPool2D(2)(x) if hp.Choice(f"pooling_{i}", ["avg", "max"]) == "max" else layers.AvgPool2D(2)(x)
        x = layers.GlobalAvgPool2D()(x)
        x = layers.Dropout(hp.Float("dropout", 0, 0.5, step=0.1, default=0.5))(x)
        model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
        rate = hp.Choice("learning_rate", values=[1e-2, 1e-3])
        model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
        return model

    x = rows.train[0].reshape(-1, 8, 8, 1) / 16
    tuner = kt.Hyperband(
        build, objective="val_accuracy", max_epochs=2, factor=2, directory=str(folder), project_name="cifar"
    )
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5)
    tuner.search(x, rows.train[1], epochs=50, validation_split=0.2, callbacks=[stop], verbose=0)
    best = tuner.get_best_hyperparameters(num_trials=1)[0]
    model = tuner.hypermodel.build(best)
    history = model.fit(x, rows.train[1], epochs=3, validation_split=0.2, verbose=0)
    accuracies = history.history["val_accuracy"]
    again = tuner.hypermodel.build(best)
    again.fit(x, rows.train[1], epochs=accuracies.index(max(accuracies)) + 1, validation_split=0.2, verbose=0)
    assert best.get("learning_rate") in (1e-2, 1e-3)
    return {"metrics": found(tuner)["metrics"], "evaluated": len(again.evaluate(x, rows.train[1], verbose=0))}


@script
def lstm_of_a_time_series(kt: Any, rows: Rows, folder: Path) -> Any:
    """Windows of a series, float64, validation data in a list, TensorBoard, and the best model saved to a file."""
    series = np.sin(np.arange(120) / 5)
    x = np.stack([series[start : start + 8] for start in range(100)])[..., None]
    y = series[8:108]

    def build(hp: Any) -> keras.Model:
        model = keras.Sequential([keras.Input((8, 1))])
        for i in range(hp.Int("additional_layers", 0, 1)):
            model.add(layers.LSTM(hp.Int(f"lstm_{i}_units", 2, 4, sampling="log"), return_sequences=True))
        last = layers.LSTM(hp.Int("units", 2, 6, step=2))
        model.add(layers.Bidirectional(last) if hp.Boolean("bidirectional", default=True) else last)
        model.add(layers.Dropout(hp.Float("dropout", min_value=0.0, max_value=0.5, step=0.1)))
        model.add(layers.Dense(1, activation=hp.Choice("output", ["linear", "tanh"], default="linear")))
        model.compile(optimizer=hp.Choice("optimizer", ["adam", "rmsprop"]), loss="mse", metrics=["mae"])
        return model

    tuner = kt.RandomSearch(
        lambda hp: build(hp),
        objective="val_loss",
        max_trials=2,
        executions_per_trial=1,
        directory=f"{folder}/random_search",
        project_name="hyperparameter_tuning",
    )
    tuner.search_space_summary()
    board = keras.callbacks.TensorBoard(log_dir=str(folder / "logs"))
    tuner.search(
        x[:80], y[:80], epochs=2, batch_size=16, validation_data=[x[80:], y[80:]], callbacks=[board], verbose=0
    )
    tuner.results_summary()
    best = tuner.get_best_models(num_models=1)[0]
    best.save(folder / "best.keras")
    predicted = keras.models.load_model(folder / "best.keras").predict(x[80:], verbose=0)
    np.testing.assert_allclose(predicted, best.predict(x[80:], verbose=0), rtol=1e-5)
    return found(tuner)["metrics"], predicted.shape, len(list((folder / "logs").iterdir()))


@script
def text_with_an_adapted_layer(kt: Any, rows: Rows, folder: Path) -> Any:
    """Text in a tf.data.Dataset; the layer that splits it is adapted outside, and used by every model."""
    texts = ["a good film", "a bad film", "good good music", "bad noise"] * 8
    labels = [1, 0, 1, 0] * 8
    data = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(8)
    split = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    split.adapt(data.map(lambda text, label: text))

    def build(hp: Any) -> keras.Model:
        inputs = keras.Input((), dtype="string")
        x = layers.Embedding(20, hp.Int("embedding_dim", 2, 4))(split(inputs))
        x = layers.Conv1D(4, 3, activation="relu")(x) if hp.Boolean("conv") else x
        x = layers.GlobalMaxPooling1D()(x)
        model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
        model.compile(
            optimizer=keras.optimizers.Adam(hp.Choice("learning_rate", values=[1e-2, 1e-3, 1e-4])),
            loss="binary_crossentropy",
            metrics=["accuracy"],
        )
        return model

    tuner = kt.BayesianOptimization(
        build, "val_accuracy", max_trials=3, num_initial_points=2, directory=folder, project_name="text"
    )
    tuner.search(data, validation_data=data, epochs=2, verbose=0)
    model = tuner.get_best_models()[0]
    return found(tuner), model.predict(tf.constant(["a good film"]), verbose=0).shape


def two_heads(kt: Any) -> Any:
    class TwoHeads(kt.HyperModel):  # type: ignore[misc,name-defined]
        def __init__(self, classes: int, name: str | None = None, tunable: bool = True) -> None:
            super().__init__(name, tunable)
            self.classes = classes

        def build(self, hp: Any) -> keras.Model:
            image, brightness = keras.Input((64,), name="image"), keras.Input((1,), name="brightness")
            x = layers.Concatenate()([layers.Dense(hp.Int("units", 4, 8), "relu")(image), brightness])
            label = layers.Dense(self.classes, "softmax", name="label")(x)
            even = layers.Dense(1, "sigmoid", name="even")(x)
            model = keras.Model([image, brightness], [label, even])
            model.compile(
                "adam",
                {"label": "sparse_categorical_crossentropy", "even": "binary_crossentropy"},
                metrics={"label": "accuracy", "even": ["accuracy", keras.metrics.AUC(name="auc")]},
                loss_weights={"label": 1.0, "even": hp.Float("weight", 0.1, 0.5)},
            )
            return model

    return TwoHeads


@script
def two_inputs_and_two_outputs(kt: Any, rows: Rows, folder: Path) -> Any:
    """Lists of inputs, dictionaries of targets; the objective is a metric of one output."""

    def inputs(x: Any) -> list[Any]:
        return [x, x.mean(axis=1, keepdims=True)]

    def targets(y: Any) -> dict[str, Any]:
        return {"label": y, "even": (y % 2 == 0).astype("float32")}

    tuner = kt.RandomSearch(
        two_heads(kt)(10, name="heads"),
        objective=kt.Objective("val_label_accuracy", direction="max"),
        max_trials=2,
        seed=42,
        directory=folder,
    )
    (x, y), (x_valid, y_valid) = rows.train, rows.valid
    tuner.search(
        inputs(x), targets(y), validation_data=(inputs(x_valid), targets(y_valid)), epochs=2, batch_size=50, verbose=0
    )
    predicted = tuner.get_best_models(1)[0].predict(inputs(x_valid), verbose=0)
    return found(tuner), [part.shape for part in predicted]


class Churn:
    """A person's own class whose method builds the models, and whose attributes cannot all be sent away."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.columns = list(frame.columns)
        self.logger = logging.getLogger("churn")

    def build(self, hp: Any) -> keras.Model:
        model = keras.Sequential()
        model.add(keras.Input((len(self.columns),)))
        for i in range(hp.Int("num_layers", 1, 2)):
            model.add(layers.Dense(hp.Int(f"units_{i}", min_value=4, max_value=8, step=4), activation="relu"))
            if hp.Boolean(f"batch_norm_{i}"):
                model.add(layers.BatchNormalization())
            model.add(layers.Dropout(rate=hp.Float(f"dropout_{i}", min_value=0.1, max_value=0.5, step=0.1)))
        model.add(layers.Dense(1, activation="sigmoid"))
        rate = hp.Choice("learning_rate", values=[0.01, 0.001])
        areas = [keras.metrics.AUC(name="auc"), keras.metrics.AUC(num_thresholds=100, name="auprc", curve="PR")]
        model.compile(keras.optimizers.Adam(rate), loss="binary_crossentropy", metrics=["accuracy", *areas])
        return model


@script
def rare_classes_of_a_frame(kt: Any, rows: Rows, folder: Path) -> Any:
    """A DataFrame and a Series, weights of classes, callbacks that watch the area under a curve."""
    frame = pd.DataFrame(rows.train[0][:, 10:20]).add_prefix("column_")
    target = pd.Series(rows.train[1] == 1).astype(int)
    churn = Churn(frame)
    tuner = kt.Hyperband(
        hypermodel=churn.build,
        objective=kt.Objective("val_auc", direction="max"),
        max_epochs=2,
        factor=2,
        hyperband_iterations=1,
        directory=folder,
        project_name="telco_churn_ann",
        overwrite=True,
    )
    watch = {"monitor": "val_auc", "mode": "max"}
    tuner.search(
        frame[:200],
        target[:200],
        validation_data=(frame[200:], target[200:]),
        epochs=3,
        class_weight={0: 1.0, 1: 9.0},
        callbacks=[
            keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True, **watch),
            keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_lr=1e-6, **watch),
        ],
        verbose=0,
    )
    model = tuner.get_best_models()[0]
    score = metrics.roc_auc_score(target[200:], model.predict(frame[200:], verbose=0))
    assert 0 <= score <= 1
    return found(tuner)["metrics"], found(tuner)["status"]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """A generator of batches with noise: input and target of an autoencoder."""

    def __init__(self, x: Any, size: int) -> None:
        super().__init__()
        self.x, self.size = x, size

    def __len__(self) -> int:
        return len(self.x) // self.size

    def __getitem__(self, index: int) -> Any:
        batch = self.x[index * self.size : (index + 1) * self.size]
        return batch + 0.1, batch


@script
def autoencoder_of_a_generator(kt: Any, rows: Rows, folder: Path) -> Any:
    """The hypermodel makes its own tuner; a schedule of rates, a callback that keeps a file, two executions."""

    class Autoencoder(kt.HyperModel):  # type: ignore[misc,name-defined]
        def build(self, hp: Any) -> keras.Model:
            rates = keras.optimizers.schedules.ExponentialDecay(hp.Float("lr", 1e-4, 1e-2, sampling="log"), 6, 0.9)
            activation = hp.Choice("act", ["sigmoid", "tanh"])
            penalty = keras.regularizers.l1(hp.Float("kl1", 0.0, 1e-3, step=1e-4))
            code = layers.Dense(hp.Int("code", 4, 12, step=4), activation, kernel_regularizer=penalty)
            model = keras.Sequential([keras.Input((64,)), code, layers.Dense(64)])
            model.compile(keras.optimizers.Adam(learning_rate=rates), keras.losses.MeanSquaredError())
            return model

        def search(self, train: Any, valid: Any) -> Any:
            self.tuner = kt.RandomSearch(
                self, objective="val_loss", max_trials=2, executions_per_trial=2, directory=folder, project_name="adage"
            )
            kept = keras.callbacks.ModelCheckpoint(str(folder / "best.keras"), save_best_only=True)
            self.tuner.search(x=train, validation_data=valid, epochs=1, callbacks=[kept], verbose=0)
            return self.tuner.get_best_hyperparameters()

    hypermodel = Autoencoder()
    best = hypermodel.search(Batches(rows.train[0] / 16, 50), Batches(rows.valid[0] / 16, 50))
    assert keras.models.load_model(folder / "best.keras").input_shape == (None, 64)
    return found(hypermodel.tuner), len(best)
