"""`sweeps predict`: predictions of an exported model."""

from __future__ import annotations

from pathlib import Path

import click

from sweeps.cli.json_output import emit, json_flag


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export: exports/STUDY.")
@click.option("--rows", type=click.IntRange(1), default=10, show_default=True, help="How many rows to predict.")
@json_flag
def predict(file: Path, model: Path, rows: int, as_json: bool) -> None:
    """Predict the rows of FILE (.npy, .npz, .csv, .parquet) with an exported model.

    Prints class names and probabilities, or numbers for a regression; the raw outputs where their meaning is unknown.
    """
    from sweeps.export.predict import predict_file

    predictions = predict_file(model, file, rows)
    if as_json:
        emit(predictions)
        return
    for row in predictions:
        click.echo("  ".join(f"{name} {value}" for name, value in row.items()))
