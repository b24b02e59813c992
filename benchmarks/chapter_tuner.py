"""The three tuner searches of the chapter, by this project or by KerasTuner.

    python -m benchmarks.chapter_tuner sweeps.tuner
    python -m benchmarks.chapter_tuner keras_tuner

Fashion-MNIST comes from `$KERAS_HOME`. Each search is a separate process, like a notebook after a restart, and prints
one line of JSON: the best validation accuracy and the seconds from the import of the tuner's module on.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import keras

MODULES = ("sweeps.tuner", "keras_tuner")
SEARCHES = ("random", "hyperband", "bayesian")


def build_model(hp: Any) -> keras.Model:
    """The chapter's space: 0 to 8 hidden layers of 16 to 256 neurons, unscaled pixels, no Input layer."""
    n_hidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    n_neurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learning_rate = hp.Float("learning_rate", min_value=1e-4, max_value=1e-2, sampling="log")
    optimizers = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}
    optimizer = optimizers[hp.Choice("optimizer", values=["sgd", "adam"])](learning_rate=learning_rate)
    model = keras.Sequential([keras.layers.Flatten()])
    for _ in range(n_hidden):
        model.add(keras.layers.Dense(n_neurons, activation="relu"))
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def classifier(kt: Any) -> Any:
    """The chapter's hypermodel, whose `fit` has one more hyperparameter."""

    class Classifier(kt.HyperModel):  # type: ignore[misc]
        def build(self, hp: Any) -> keras.Model:
            return build_model(hp)

        def fit(self, hp: Any, model: keras.Model, X: Any, y: Any, **kwargs: Any) -> Any:  # noqa: N803
            if hp.Boolean("normalize"):
                X = keras.layers.Normalization()(X)  # noqa: N806
            return model.fit(X, y, **kwargs)

    return Classifier()


def tuner_of(kt: Any, search: str, folder: Path, seed: int) -> Any:
    """One of the chapter's three tuners."""
    project = {"overwrite": True, "directory": str(folder), "project_name": search}
    if search == "random":
        return kt.RandomSearch(build_model, objective="val_accuracy", max_trials=5, seed=seed, **project)
    if search == "hyperband":
        return kt.Hyperband(
            classifier(kt),
            objective="val_accuracy",
            seed=seed,
            max_epochs=10,
            factor=3,
            hyperband_iterations=2,
            **project,
        )
    return kt.BayesianOptimization(
        classifier(kt), objective="val_accuracy", seed=seed, max_trials=10, alpha=1e-4, beta=2.6, **project
    )


def callbacks_of(search: str, folder: Path) -> list[keras.callbacks.Callback]:
    """The chapter's callbacks: early stopping and TensorBoard for Hyperband."""
    if search != "hyperband":
        return []
    return [keras.callbacks.EarlyStopping(patience=2), keras.callbacks.TensorBoard(str(folder / "tensorboard"))]


def run(module: str, search: str, rows: int | None, scaled: bool, seed: int) -> dict[str, Any]:
    """Run one search in this process.

    Args:
        module: `sweeps.tuner` or `keras_tuner`.
        rows: number of training rows, and of validation rows; None: 55,000 and 5,000.
        scaled: scale pixels to 0..1, as in the chapter's first half; its tuner section does not.
    """
    (x, y), _ = keras.datasets.fashion_mnist.load_data()
    x = x / 255.0 if scaled else x
    training = slice(None, -5000) if rows is None else slice(rows)
    validation = slice(-5000, None) if rows is None else slice(-rows, None)
    began = time.perf_counter()
    kt = importlib.import_module(module)
    with tempfile.TemporaryDirectory(prefix="chapter-tuner-") as folder:
        tuner = tuner_of(kt, search, Path(folder), seed)
        tuner.search(
            x[training],
            y[training],
            epochs=10,
            validation_data=(x[validation], y[validation]),
            callbacks=callbacks_of(search, Path(folder)),
            verbose=0,
        )
        seconds = time.perf_counter() - began
        best = tuner.oracle.get_best_trials(num_trials=1)[0]
        return {
            "module": module,
            "search": search,
            "scaled": scaled,
            "seed": seed,
            "val_accuracy": best.metrics.get_last_value("val_accuracy"),
            "seconds": round(seconds, 1),
            "trials": len(tuner.oracle.trials),
            "values": best.hyperparameters.values,
        }


@click.command()
@click.argument("module", type=click.Choice(MODULES))
@click.option("--search", "searches", multiple=True, type=click.Choice(SEARCHES), default=SEARCHES)
@click.option("--rows", type=int, help="Train and validate with so many rows only.")
@click.option("--scaled", is_flag=True, help="Scale pixels to 0..1.")
@click.option("--seed", default=42, show_default=True, help="Seed of sampler, weights and shuffles.")
@click.option("--here", is_flag=True, hidden=True)
def main(module: str, searches: tuple[str, ...], rows: int | None, scaled: bool, seed: int, here: bool) -> None:
    """Run each search in a process of its own, or with `--here` one search in this process."""
    if here:
        print(json.dumps(run(module, searches[0], rows, scaled, seed)))
        return
    options = [*(["--rows", str(rows)] if rows else []), *(["--scaled"] if scaled else []), "--seed", str(seed)]
    for search in searches:
        command = [sys.executable, "-m", "benchmarks.chapter_tuner", module, "--search", search, "--here", *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        print(done.stdout.splitlines()[-1], flush=True)


if __name__ == "__main__":
    main()
