"""What the default configuration of `mlp` gains by label smoothing and by more epochs, on rows that it has not had.

    python -m benchmarks.defaults --keep defaults.jsonl

For each data set, way and seed a training on a fresh division of all rows; the test value at the best epoch by
validation counts. What a file keeps is not measured again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
import keras
import keras_tuner
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.trainings.data_sets import DATA_SETS, arrays
from search_spaces.mlp import MLP
from sweeps.data import DataSource, from_arrays
from sweeps.training import clear_session, fit

#: way -> label smoothing and epochs
WAYS = {
    "10 epochs": (0.0, 10),
    "20 epochs": (0.0, 20),
    "30 epochs": (0.0, 30),
    "10 epochs, smoothing": (0.1, 10),
    "20 epochs, smoothing": (0.1, 20),
}
USUAL = "10 epochs"


def test_value(data_set: str, smoothing: float, epochs: int, seed: int) -> float | None:
    """Accuracy, or the root mean squared error with its sign changed; None for smoothing where there are no classes."""
    parts = arrays(data_set, seed)
    classes = parts["y_train"].dtype.kind in "iu"
    if smoothing and not classes:
        return None
    labels = {part: _one_hot(parts[f"y_{part}"]) if classes else parts[f"y_{part}"] for part in ("train", "valid")}
    validation = (parts["x_valid"], labels["valid"])
    data = from_arrays(parts["x_train"], labels["train"], DataSource("arrays"), validation=validation)
    clear_session()
    keras.utils.set_random_seed(seed)
    space, hp = MLP(data.spec), keras_tuner.HyperParameters()
    hp.values = {"schedule": "cosine", "optimizer": "adamw", "kernel_initializer": "he_normal"}
    model = space.build(hp)
    metric, mode = ("val_accuracy", "max") if classes else ("val_rmse", "min")
    if smoothing:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
        model.compile(model.optimizer, loss, metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")])
    model.fit = partial(fit, model, seed=seed)
    best = keras.callbacks.EarlyStopping(metric, mode=mode, patience=epochs, restore_best_weights=True)
    space.fit(
        hp, model, data.train.x, data.train.y,
        epochs=epochs, validation_data=(data.validation.x, data.validation.y), callbacks=[best], verbose=0,
    )  # fmt: skip
    predicted = np.asarray(model(parts["x_test"], training=False), np.float64)
    if classes:
        return float((predicted.argmax(axis=1) == parts["y_test"]).mean())
    return -float(np.sqrt(np.square(predicted[:, 0] - parts["y_test"]).mean()))


def _one_hot(labels: Any) -> Any:
    return np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]


def table_of(found: Iterable[tuple[str, str, int, float | None]]) -> Table:
    """By data set: the mean of the usual way, and of the others the paired differences with their standard errors."""
    values: dict[str, dict[str, list[float]]] = {}
    for data_set, way, _, value in found:
        if value is not None:
            values.setdefault(data_set, {}).setdefault(way, []).append(value)
    table = Table("data set", USUAL, *(way for way in WAYS if way != USUAL), box=None, pad_edge=False)
    for data_set, ways in values.items():
        cells = []
        for way in WAYS:
            if way != USUAL and way in ways:
                gains = np.subtract(ways[way], ways[USUAL])
                cells.append(f"{gains.mean():+.4f} ± {gains.std(ddof=1) / np.sqrt(len(gains)):.4f}")
            elif way != USUAL:
                cells.append("-")
        table.add_row(data_set, f"{np.mean(ways[USUAL]):.4f}", *cells)
    return table


@click.command()
@click.option("--seeds", default=8, type=click.IntRange(2), help="Divisions of each data set.")
@click.option("--dataset", "data_sets", multiple=True, type=click.Choice([*DATA_SETS]), help="All by default.")
@click.option("--keep", type=click.Path(path_type=Path), help="A JSON Lines file of what was measured.")
def main(seeds: int, data_sets: tuple[str, ...], keep: Path | None) -> None:
    """Compare ways to train the default configuration."""
    found = [tuple(json.loads(line)) for line in keep.read_text().splitlines()] if keep and keep.exists() else []
    known = {one[:3] for one in found}
    for data_set in data_sets or DATA_SETS:
        for way, (smoothing, epochs) in WAYS.items():
            for seed in range(2000, 2000 + seeds):
                if (data_set, way, seed) in known:
                    continue
                found.append((data_set, way, seed, test_value(data_set, smoothing, epochs, seed)))
                if keep:
                    with keep.open("a") as file:
                        file.write(json.dumps(found[-1]) + "\n")
    Console(width=160).print(table_of(found))


if __name__ == "__main__":
    main()
