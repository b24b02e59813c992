"""`sweeps predict`: predictions of an exported model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sweeps.cli.json_output import emit, json_flag


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export: exports/STUDY.")
@click.option("--rows", type=click.IntRange(1), help="Predict only the first rows.  [all]")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a .csv or .json file: the columns of FILE that the model does not use, then the predictions.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="The least probability of the second of two classes, or of a label, that chooses it.  [0.5]",
)
@json_flag
def predict(
    file: Path, model: Path, rows: int | None, output: Path | None, threshold: float | None, as_json: bool
) -> None:
    """Predict the rows of FILE (.npy, .npz, .csv, .parquet) with an exported model.

    Prints class names and probabilities, or numbers for a regression; the raw outputs where their meaning is unknown.
    """
    from sweeps.export.predict import predict_file
    from sweeps.export.predictions import check_output, write_predictions

    if output is not None:
        check_output(output, file)
    predictions = predict_file(model, file, rows, threshold)
    if output is not None:
        write_predictions(output, predictions, file, model)
        click.echo(f"{len(predictions)} predictions in {output}", err=as_json)
    if as_json:
        emit(predictions)
    elif output is None:
        for row in predictions:
            click.echo("  ".join(_shown(row)))


def _shown(row: dict[str, Any]) -> Iterator[str]:
    """`class no`, `probability 0.88`; of two classes the probability of the second, too: `P(yes) 0.12`."""
    for name, value in row.items():
        if name != "probabilities":
            yield f"{name} {value}"
        elif len(value) == 2:
            second = list(value)[1]
            yield f"P({second}) {value[second]:.4f}"
