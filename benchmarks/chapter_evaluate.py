"""The score of an export on the test set, in a process without the sweep.

python -m benchmarks.chapter_evaluate exports/STUDY fashion_mnist
python -m benchmarks.chapter_evaluate exports/STUDY houses.csv --target price
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import keras
import numpy as np

from sweeps.data import DataSource, load
from sweeps.training import as_tensors


@click.command()
@click.argument("export", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("dataset")
@click.option("--target", help="The column to predict.")
def main(export: Path, dataset: str, target: str | None) -> None:
    """Print the accuracy, or for a regression the RMSE in the target's unit."""
    data = load(DataSource(dataset, target=target))
    if data.test is None:
        raise click.UsageError(f"dataset {dataset!r} has no test set")
    model = keras.saving.load_model(export / "model.keras", safe_mode=True)
    predicted = np.asarray(model(as_tensors(data.test.x), training=False))
    truth = data.test.y
    if data.spec.target == "regression":
        score = float(np.sqrt(np.mean((predicted.reshape(truth.shape) - truth) ** 2)))
    else:
        score = float(np.mean(predicted.argmax(axis=-1) == truth))
    print(json.dumps({"test": score}))


if __name__ == "__main__":
    main()
