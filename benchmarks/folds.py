"""Whether folds pay on small data: sweeps with and without them, at equal epochs, judged on rows that neither had.

    python -m benchmarks.folds --seeds 4 --budget 400

Half of a data set is kept from both sweeps. The winner of each is trained again on all rows of the other half, up to
its best epoch, from several seeds; its mean accuracy on the kept half is what the sweep has found.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split

import sweeps
from benchmarks.training import trained
from sweeps.data import Array, DataSource, from_arrays
from sweeps.study.results import Best

DATASETS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
#: name -> options of `sweeps.run`
WAYS: dict[str, dict[str, Any]] = {"one validation set": {}, "5 folds": {"folds": 5}}
#: how often a winner is trained again
_TRAININGS = 5

Rows = tuple[Array, Array]


@dataclass(frozen=True)
class Found:
    """What a sweep has found.

    Attributes:
        said: the value of its best trial.
        true: the accuracy of that configuration on the rows that were kept from it.
        trials: how many its epochs were enough for.
    """

    said: float
    true: float
    trials: int


def halves(dataset: str, seed: int) -> tuple[Rows, Rows]:
    """The rows for the sweeps, and those that are kept from them."""
    x, y = DATASETS[dataset](return_X_y=True)
    some, kept, labels, of_kept = train_test_split(x.astype("float32"), y, test_size=0.5, stratify=y, random_state=seed)
    return (some, labels), (kept, of_kept)


def searched(rows: Rows, study: str, seed: int, epochs: int, budget: int, **options: Any) -> sweeps.Result:
    """A sweep; a quarter of its rows are for validation, or it has folds of all."""
    train_x, validation_x, train_y, validation_y = train_test_split(
        *rows, test_size=0.25, stratify=rows[1], random_state=seed
    )
    limits: dict[str, Any] = {"trials": 1000, "epochs": epochs, "epoch_budget": budget}
    quiet: dict[str, Any] = {"show": False, "baselines": False}
    validation = (validation_x, validation_y)
    options |= limits | quiet
    return sweeps.run("mlp", (train_x, train_y), validation_data=validation, study=study, seed=seed, **options)


def true_value(best: Best, epochs: int, rows: Rows, kept: Rows) -> float:
    """The mean accuracy on the kept rows of the best configuration, trained on all others as far as its best epoch."""
    data = from_arrays(*rows, DataSource("arrays"), validation=kept)
    curves = [trained(best.params, data, epochs, seed)[1]["val_accuracy"] for seed in range(1000, 1000 + _TRAININGS)]
    return float(np.mean([curve[best.epoch - 1] for curve in curves]))


def measured(dataset: str, seed: int, epochs: int, budget: int) -> Iterator[tuple[str, Found]]:
    """What each way has found."""
    rows, kept = halves(dataset, seed)
    for number, (way, options) in enumerate(WAYS.items()):
        result = searched(rows, f"{dataset}-{seed}-{number}", seed, epochs, budget, **options)
        true = true_value(result.best, epochs, rows, kept)
        yield way, Found(result.best.value, true, len(result.trials))


def table_of(found: dict[str, dict[str, list[Found]]]) -> Table:
    """By data set: accuracies in per cent, and the mean differences with their standard errors."""
    table = Table(box=None, pad_edge=False)
    for column in ("data set", *WAYS, "difference", *(f"overstated, {way}" for way in WAYS), "trials"):
        table.add_column(column, justify="right")
    for dataset, ways in found.items():
        true = {way: np.array([one.true for one in each]) for way, each in ways.items()}
        first, second = true.values()
        overstated = (_spread(np.array([one.said for one in each]) - true[way]) for way, each in ways.items())
        trials = " / ".join(f"{np.mean([one.trials for one in each]):.0f}" for each in ways.values())
        means = (f"{100 * values.mean():.2f}" for values in true.values())
        table.add_row(dataset, *means, _spread(second - first), *overstated, trials)
    return table


def _spread(differences: Array) -> str:
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else np.nan
    return f"{100 * differences.mean():+.2f} ± {100 * error:.2f}"


@click.command()
@click.option("--seeds", default=4, help="Divisions of each data set.")
@click.option("--epochs", default=20, help="Of each training.")
@click.option("--budget", default=400, help="Epochs of each sweep.")
@click.option("--dataset", "datasets", multiple=True, type=click.Choice([*DATASETS]), help="All by default.")
def main(seeds: int, epochs: int, budget: int, datasets: tuple[str, ...]) -> None:
    """Compare sweeps with and without folds."""
    console = Console(width=160)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SWEEPS_HOME"] = folder
        for dataset in datasets or DATASETS:
            found: dict[str, list[Found]] = {way: [] for way in WAYS}
            for seed in range(seeds):
                for way, one in measured(dataset, seed, epochs, budget):
                    found[way].append(one)
                    console.print(f"{dataset}, seed {seed}, {way}: {one}")
            console.print(table_of({dataset: found}))


if __name__ == "__main__":
    main()
