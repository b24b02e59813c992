"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sweeps.data import read_array, read_rows
from sweeps.errors import InputError
from sweeps.keras_file import load_keras_file
from sweeps.manifest import Manifest, read_labels, read_manifest
from sweeps.outputs import Head


def predict_file(folder: Path, file: Path, rows: int) -> list[dict[str, Any]]:
    """What the model says of the first `rows` rows of the file.

    Args:
        folder: an export.
        file: `.npy` or `.npz` (array `x`, `x_test` or the only one), `.csv` or `.parquet` (a table with the columns of
            the training data, others are ignored).

    Returns:
        For each row `{"class", "probability"}`, or `{"labels"}` for multi-label, or `{"value"}` for a regression. Of
        losses that know no probabilities (hinge) `{"class", "score"}`; `{"raw"}`, the model's own numbers, where the
        manifest says that their meaning is unknown.

    Raises:
        InputError: no export there, or a file that does not fit its model.
        CorruptStore: the model is not what was exported.
    """
    manifest = read_manifest(folder)
    labels = read_labels(folder)
    x = _read(file, manifest, rows)
    model = load_keras_file(folder / "model.keras", manifest.study)
    from sweeps.training import as_tensors

    answer = model(as_tensors(x), training=False)
    return (manifest.head or _head_of(model, manifest, labels)).rows(answer, labels)


def _head_of(model: Any, manifest: Manifest, labels: list[str] | None) -> Head:
    """What an export's manifest has said since there are heads."""
    from sweeps.heads import head_of
    from sweeps.signature import signature_of

    inputs = {entry.name: {"shape": entry.shape[1:], "dtype": entry.dtype} for entry in manifest.input}
    data = {"inputs": inputs if manifest.named_inputs else {"": next(iter(inputs.values()))}}
    return head_of(model, signature_of(model, data), manifest.target, labels)


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
