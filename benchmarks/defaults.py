"""What the default configuration of `mlp` gains by label smoothing and by more epochs, on rows that it has not had.

    python -m benchmarks.defaults --keep defaults.jsonl

For each data set, way and seed a training on a fresh division of all rows; the test value at the best epoch by
validation counts. What a file keeps is not measured again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.training import at_best_epoch
from benchmarks.trainings.data_sets import DATA_SETS, arrays
from sweeps.data import DataSource, from_arrays

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
    """Accuracy, or the root mean squared error with its sign changed; None for smoothing where the space has none."""
    parts = arrays(data_set, seed)
    validation = (parts["x_valid"], parts["y_valid"])
    data = from_arrays(parts["x_train"], parts["y_train"], DataSource("arrays"), validation=validation)
    if smoothing and data.spec.target != "sparse":
        return None
    params = {"schedule": "cosine", "optimizer": "adamw", "label_smoothing": smoothing}
    return at_best_epoch(data, params, epochs, seed, (parts["x_test"], parts["y_test"]))


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
