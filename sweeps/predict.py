"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.errors import CorruptStore, InputError
from sweeps.files import sha256
from sweeps.quiet import import_keras


def predict_file(folder: Path, file: Path, rows: int) -> list[dict[str, Any]]:
    """What the model says of the first `rows` rows of the file.

    Args:
        folder: an export.
        file: `.npy` or `.npz` (array `x`, `x_test` or the only one), `.csv` or `.parquet` (a table with the columns of
            the training data, others are ignored).

    Returns:
        For each row `{"class", "probability"}`, or `{"labels"}` for multi-label, or `{"value"}` for a regression.

    Raises:
        InputError: no export there, or a file that does not fit its model.
        CorruptStore: the model is not what was exported.
    """
    manifest = _manifest(folder)
    x = _read(file, manifest)[:rows]
    model = import_keras().saving.load_model(folder / "model.keras", safe_mode=True)
    probabilities = np.asarray(model(x.astype(manifest["input"][0]["dtype"], copy=False), training=False))
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [_named(row, labels, manifest["target"]) for row in probabilities]


def _named(row: Any, labels: list[str] | None, target: str) -> dict[str, Any]:
    if labels is None:
        values = [round(float(value), 6) for value in row]
        return {"value": values[0] if len(values) == 1 else values}
    if target == "multi_label":
        return {"labels": {label: round(float(value), 4) for label, value in zip(labels, row, strict=True)}}
    if target == "binary":
        row = np.array([1 - row[0], row[0]])
    index = int(np.argmax(row))
    return {"class": labels[index], "probability": round(float(row[index]), 4)}


def _manifest(folder: Path) -> dict[str, Any]:
    """The manifest, once the model file is what it says."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        expected = manifest["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"--model: {str(folder)!r} is no export (it has no manifest.json); make one: sweeps export STUDY"
        ) from None
    for name in ("model.keras", "labels.json"):
        if not (folder / name).is_file() or sha256(folder / name) != expected.get(name):
            raise CorruptStore(f"{folder / name} is not what was exported (its SHA-256 differs from the manifest)")
    return manifest


def _read(file: Path, manifest: dict[str, Any]) -> Any:
    """The file's rows as an array of the model's input shape (n, …)."""
    shape = tuple(manifest["input"][0]["shape"][1:])
    suffix = file.suffix.lower()
    try:
        if suffix == ".npy":
            x = np.load(file, allow_pickle=False)
        elif suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                names = [name for name in ("x", "x_test", *arrays.files) if name in arrays.files]
                x = arrays[names[0]]
        elif suffix in (".csv", ".parquet"):
            x = _table(file, manifest)
        else:
            raise InputError(
                f"{str(file)!r}: a .npy, .npz, .csv or .parquet file is wanted, got {suffix or 'no ending'!r}"
            )
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{str(file)!r} cannot be read: {str(error).splitlines()[0]}") from None
    if x.shape == shape:
        x = x[None]
    if x.shape[1:] != shape:
        raise InputError(f"{str(file)!r}: rows of shape {shape} are wanted, got an array of shape {x.shape}")
    return x


def _table(file: Path, manifest: dict[str, Any]) -> Any:
    import pandas as pd

    table = pd.read_csv(file) if file.suffix.lower() == ".csv" else pd.read_parquet(file)
    columns = manifest.get("features") or list(table.columns)
    if absent := [column for column in columns if column not in table.columns]:
        raise InputError(f"{str(file)!r} lacks the columns {', '.join(map(repr, absent))}")
    return table[columns].to_numpy(dtype="float32")
