"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sweeps.data import read_array, read_rows
from sweeps.errors import CorruptStore, InputError
from sweeps.keras_file import load_keras_file
from sweeps.manifest import Manifest, read_labels, read_manifest


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
    manifest = read_manifest(folder)
    labels = read_labels(folder)
    x = _read(file, manifest, rows)
    model = load_keras_file(folder / "model.keras", manifest.study)
    from sweeps.training import as_tensors

    answer = np.asarray(_main(model(as_tensors(x), training=False)))
    if labels is not None and len(labels) != (2 if manifest.target == "binary" else answer.shape[-1]):
        raise CorruptStore(f"{folder / 'labels.json'} names {len(labels)} classes, the model gives {answer.shape[-1]}")
    return [_named(row, labels, manifest.target) for row in answer]


def _main(answer: Any) -> Any:
    """Of a model with several outputs, the one called "output", or the first."""
    if isinstance(answer, dict):
        return answer["output"] if "output" in answer else next(iter(answer.values()))
    return answer[0] if isinstance(answer, list | tuple) else answer


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


def _read(file: Path, manifest: Manifest, rows: int) -> Any:
    """The file's first rows as the model takes them: an array (n, …), or a dictionary of columns (n, 1)."""
    suffix = file.suffix.lower()
    try:
        if suffix in (".csv", ".parquet"):
            return _table(file, manifest, rows)
        if suffix not in (".npy", ".npz") or manifest.named_inputs:
            kinds = ".csv or .parquet" if manifest.named_inputs else ".npy, .npz, .csv or .parquet"
            raise InputError(f"a {kinds} file is wanted, got {suffix or 'no ending'!r}")
        x = read_array(file)
        if x.dtype.kind not in "biuf":
            raise InputError(f"numbers are needed, got {x.dtype}")
    except InputError as error:
        raise InputError(f"{str(file)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    wanted = manifest.input[0]
    return _of_shape(x, wanted.shape[1:], file)[:rows].astype(wanted.dtype, copy=False)


def _of_shape(x: Any, shape: tuple[int | None, ...], file: Path) -> Any:
    """`x` with an axis of rows."""
    if x.shape == shape:
        x = x[None]
    if x.shape[1:] != shape:
        raise InputError(f"{str(file)!r}: rows of shape {shape} are wanted, got an array of shape {x.shape}")
    return x


def _table(file: Path, manifest: Manifest, rows: int) -> Any:
    inputs = manifest.input
    if manifest.named_inputs:
        return read_rows(file, {entry.name: entry.dtype for entry in inputs}, rows, missing=True)
    columns = manifest.features
    if columns is None:
        raise InputError(f"rows of shape {inputs[0].shape[1:]} are wanted (.npy, .npz), got a table")
    read = read_rows(file, dict.fromkeys(columns, "float32"), rows, missing=False)
    return _of_shape(np.concatenate(list(read.values()), axis=1), inputs[0].shape[1:], file)
