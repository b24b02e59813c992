"""The chapter's untuned models in plain Keras, one process for each.

    python -m benchmarks.chapter_models image
    python -m benchmarks.chapter_models regression --housing housing.csv
    python -m benchmarks.chapter_models two_inputs --housing housing.csv

Prints one line of JSON: the validation and test figures, and the seconds of loading and `fit`. Fashion-MNIST comes
from `$KERAS_HOME`; rows are split as in this project, so that both have the same test rows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click
import keras
import numpy as np
import numpy.typing as npt

from sweeps.data import DataSource, load
from sweeps.data.dataset import Part

#: the numeric columns, in an order in which, as in the chapter, the first five are wide and the last six deep
COLUMNS = (
    "median_income",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "latitude",
    "longitude",
)
TARGET = "median_house_value"
#: the chapter's unit of prices, in dollars
UNIT = 100_000.0

MODELS = ("image", "regression", "two_inputs")

Rows = tuple[Any, Any]
"""`(x, y)`, arguments of `model.fit`."""
Fitted = tuple[keras.Model, Any, Rows]
"""A trained model, its History, and the test rows."""


def image() -> Fitted:
    """Flatten, 300, 100, 10 with SGD for 30 epochs."""
    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    x, x_test = x / 255.0, x_test / 255.0
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(300, activation="relu"),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    train, valid = (x[5000:], y[5000:]), (x[:5000], y[:5000])
    return model, model.fit(*train, epochs=30, validation_data=valid, verbose=0), (x_test, y_test)


def regression(housing: Path) -> Fitted:
    """Normalization, 50, 50, 50, 1 with Adam 1e-3 for 20 epochs."""
    train, valid, test = _housing_rows(housing)
    normalize = keras.layers.Normalization()
    normalize.adapt(train[0])
    model = keras.Sequential([keras.Input((len(COLUMNS),)), normalize])
    for _ in range(3):
        model.add(keras.layers.Dense(50, activation="relu"))
    model.add(keras.layers.Dense(1))
    return model, _fit_regression(model, train, valid), test


def two_inputs(housing: Path) -> Fitted:
    """Wide & Deep: five features straight to the output, six by two layers of 30; Adam 1e-3 for 20 epochs."""
    parts = [((x[:, :5], x[:, 2:]), y) for x, y in _housing_rows(housing)]
    wide, deep = keras.Input((5,)), keras.Input((6,))
    normalize_wide, normalize_deep = keras.layers.Normalization(), keras.layers.Normalization()
    normalize_wide.adapt(parts[0][0][0])
    normalize_deep.adapt(parts[0][0][1])
    hidden = normalize_deep(deep)
    for _ in range(2):
        hidden = keras.layers.Dense(30, activation="relu")(hidden)
    joined = keras.layers.Concatenate()([normalize_wide(wide), hidden])
    model = keras.Model([wide, deep], keras.layers.Dense(1)(joined))
    train, valid, test = parts
    return model, _fit_regression(model, train, valid), test


def _fit_regression(model: keras.Model, train: Rows, valid: Rows) -> Any:
    rmse = keras.metrics.RootMeanSquaredError(name="rmse")
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=1e-3), metrics=[rmse])
    return model.fit(*train, epochs=20, validation_data=valid, verbose=0)


def _housing_rows(file: Path) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Rows for training, validation and test: float32 (n, 8) with medians for missing numbers, and prices in `UNIT`."""
    data = load(DataSource(str(file), target=TARGET))
    assert data.test is not None
    medians = {name: np.nanmedian(data.train.columns[name]) for name in COLUMNS}

    def numbers(part: Part) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        columns = [np.nan_to_num(part.columns[name], nan=medians[name]) for name in COLUMNS]
        return np.concatenate(columns, axis=1).astype(np.float32), (part.y / UNIT).astype(np.float32)

    return [numbers(part) for part in (data.train, data.validation, data.test)]


@click.command()
@click.argument("model", type=click.Choice(MODELS))
@click.option("--housing", type=click.Path(exists=True, path_type=Path), help="California housing as a CSV file.")
def main(model: str, housing: Path | None) -> None:
    """Train one model and print its figures."""
    keras.utils.set_random_seed(42)
    began = time.perf_counter()
    if model == "image":
        trained, history, test = image()
    elif housing is None:
        raise click.UsageError(f"{model} needs --housing FILE")
    else:
        trained, history, test = regression(housing) if model == "regression" else two_inputs(housing)
    seconds = time.perf_counter() - began
    metric = "accuracy" if model == "image" else "rmse"
    tested = trained.evaluate(*test, verbose=0, return_dict=True)[metric]
    validated = history.history[f"val_{metric}"][-1]
    print(json.dumps({"validation": validated, "test": tested, "seconds": round(seconds, 1)}))


if __name__ == "__main__":
    main()
