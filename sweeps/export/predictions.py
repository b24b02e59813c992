"""Predictions as a table, beside what the model does not use of the file: an id, for instance."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from sweeps.data import read_columns
from sweeps.errors import InputError
from sweeps.export.manifest import read_manifest
from sweeps.system.atomic_files import atomic_write


def write_predictions(to: Path, predictions: list[dict[str, Any]], file: Path, folder: Path) -> None:
    """Write predictions to a `.csv` or `.json` file, a row for each.

    Args:
        to: the file to write.
        predictions: of `predict_file`.
        file: the rows that were predicted; of a table, the columns that the model does not use come first.
        folder: the export.

    Raises:
        InputError: the file cannot be written, or has another ending.
    """
    others = _others(file, folder, len(predictions))
    try:
        if to.suffix.lower() == ".json":
            rows = [{**other, **row} for other, row in zip(others.to_dict("records"), predictions, strict=True)]
            text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        else:
            text = _table(others, predictions).to_csv(index=False)
        with atomic_write(to) as stream:
            stream.write(text.encode())
    except OSError as error:
        raise InputError(f"--output: {str(to)!r} cannot be written: {error.strerror}") from None


def check_output(to: Path, file: Path) -> None:
    """Check where predictions are to be written, before they are computed.

    Raises:
        InputError: another ending than `.csv` or `.json`, no such folder, or the file that is predicted.
    """
    if to.suffix.lower() not in (".csv", ".json"):
        raise InputError(f"--output: a .csv or .json file is wanted, got {str(to)!r}")
    if not to.parent.is_dir():
        raise InputError(f"--output: there is no folder {str(to.parent)!r}")
    if to.is_dir() or (to.exists() and file.exists() and to.samefile(file)):
        raise InputError(f"--output: another file is wanted, got {str(to)!r}")


def _others(file: Path, folder: Path, count: int) -> pd.DataFrame:
    """The columns of a table that the model does not use, as they are written; otherwise the row numbers, from 0."""
    index = pd.DataFrame({"row": range(count)})
    if file.suffix.lower() not in (".csv", ".parquet"):
        return index
    manifest = read_manifest(folder)
    used = manifest.features if not manifest.named_inputs else [entry.name for entry in manifest.input]
    others = read_columns(file, without=used or ()).head(count)
    return others if len(others.columns) else index


def _table(others: pd.DataFrame, predictions: list[dict[str, Any]]) -> pd.DataFrame:
    found = pd.DataFrame([_cells(row) for row in predictions], index=others.index)
    taken: Collection[str] = set(others.columns)
    renamed = {name: f"predicted {name}" for name in found.columns if name in taken}
    return pd.concat([others, found.rename(columns=renamed)], axis=1)


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A prediction as columns: `class`, `P(no)`, `P(yes)`; `value`, or `value[0]`, `value[1]`; `labels`, `P(…)`."""
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if name in ("probabilities", "labels"):
            cells |= {f"P({label})": probability for label, probability in value.items()}
        elif name == "chosen":
            cells[name] = ";".join(value)
        elif isinstance(value, list):
            cells |= {f"{name}[{index}]": number for index, number in enumerate(value)}
        else:
            cells[name] = value
    return cells
