"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.data import as_dtype, read_array, read_arrays, read_rows
from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.export.manifest import Input, Manifest, read_labels, read_manifest
from sweeps.model.outputs import Head

logger = logging.getLogger(__name__)

#: rows that the model is given at once
BATCH = 1024


def predict_file(
    folder: Path, file: Path, rows: int | None = None, threshold: float | None = None
) -> list[dict[str, Any]]:
    """Predict the rows of a file.

    Args:
        folder: an export.
        rows: how many rows, from the first; None: all.
        threshold: see `Head.rows`.
        file: `.npy` or `.npz` (array `x`, `x_test` or the only one; for several inputs one array by the name of each),
            `.csv` or `.parquet` (a table with the columns of the training data; other columns are ignored).

    Returns:
        For each row `{"class", "probability", "probabilities"}`, `{"class", "score"}` for losses without
        probabilities (hinge), `{"labels"}` for multi-label (with a threshold also `"chosen"`), `{"value"}` for a
        regression, or `{"raw"}`, the model's outputs, where the manifest says that their meaning is unknown.

    Raises:
        InputError: there is no export, the file does not match the model's input, or a threshold decides nothing.
        CorruptStore: a file of the export has changed.
    """
    manifest = read_manifest(folder)
    labels = read_labels(folder)
    x = _read(file, manifest, sys.maxsize if rows is None else rows)
    if manifest.prepared:
        logger.warning(
            "The space's fit() prepared the training data: the rows of the file must be prepared in the same way"
        )
    model = load_keras_file(folder / "model.keras", manifest.study)
    head = manifest.head or _head_of(model, manifest, labels)
    if threshold is not None and not head.takes_threshold(labels):
        given = {"class": f"{len(labels or ())} classes, or scores", "value": "numbers"}.get(head.gives, "raw outputs")
        raise InputError(
            f"--threshold: probabilities of two classes, or of labels, are needed; the model gives {given}"
        )
    return [row for answer in _answers(model, x) for row in head.rows(answer, labels, threshold)]


def _answers(model: Any, x: Any) -> Iterator[Any]:
    """The model's outputs, `BATCH` rows at a time."""
    from sweeps.training import as_tensors

    count = len(next(iter(x.values())) if isinstance(x, dict) else x)
    for first in range(0, count, BATCH):
        batch = slice(first, first + BATCH)
        rows = {name: array[batch] for name, array in x.items()} if isinstance(x, dict) else x[batch]
        yield model(as_tensors(rows), training=False)


def _head_of(model: Any, manifest: Manifest, labels: list[str] | None) -> Head:
    """The head of an export whose manifest, of an earlier version, has none."""
    from sweeps.model.heads import head_of
    from sweeps.model.signature import signature_of

    inputs = {entry.name: {"shape": entry.shape[1:], "dtype": entry.dtype} for entry in manifest.input}
    data = {"inputs": inputs if manifest.named_inputs else {"": next(iter(inputs.values()))}}
    return head_of(model, signature_of(model, data), manifest.target, labels)


def _read(file: Path, manifest: Manifest, rows: int) -> Any:
    """The model's input from the first rows of a file: an array (n, …), or a dictionary of arrays."""
    suffix = file.suffix.lower()
    # a list of inputs is matched by name as well
    named = manifest.named_inputs or len(manifest.input) > 1
    try:
        if suffix in (".csv", ".parquet"):
            data = _table(file, manifest, named, rows)
        elif suffix == ".npz" and named:
            data = read_arrays(file, [entry.name for entry in manifest.input])
        elif suffix in (".npy", ".npz") and not named:
            data = {manifest.input[0].name: read_array(file)}
        else:
            kinds = ".csv, .parquet or .npz" if named else ".npy, .npz, .csv or .parquet"
            raise InputError(f"a {kinds} file is wanted, got {suffix or 'no ending'!r}")
        arrays = {entry.name: _as_input(data[entry.name], entry, rows) for entry in manifest.input}
    except InputError as error:
        raise InputError(f"{str(file)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    return arrays if named else next(iter(arrays.values()))


def _as_input(x: Any, entry: Input, rows: int) -> Any:
    """The first rows of an array in the shape and dtype of an input."""
    is_text = x.dtype.kind in "US"
    if is_text != (entry.dtype == "string") or x.dtype.kind not in "biufUS":
        raise InputError(f"{'text is' if entry.dtype == 'string' else 'numbers are'} needed, got {x.dtype}")
    x = _of_shape(x, entry.shape[1:])[:rows]
    return x if is_text else as_dtype(f"input {entry.name!r}", x, entry.dtype)


def _of_shape(x: Any, shape: tuple[int | None, ...]) -> Any:
    """`x` with an axis of rows; a last axis of size 1 is added or removed, as in Keras."""

    def fits(lengths: tuple[int, ...]) -> bool:
        return len(lengths) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, lengths, strict=True)
        )

    if fits(x.shape):
        return x[None]
    for candidate in (x, x[..., None], x[..., 0] if x.shape[-1:] == (1,) else x):
        if candidate.ndim and fits(candidate.shape[1:]):
            return candidate
    raise InputError(f"rows of shape {shape} are wanted, got an array of shape {x.shape}")


def _table(file: Path, manifest: Manifest, named: bool, rows: int) -> dict[str, Any]:
    """The columns of a table: one for each input, or all of them in one input."""
    inputs, reading = manifest.input, manifest.reading.model_dump() if manifest.reading else None
    if named:
        for entry in inputs:
            if entry.shape[1:] not in ((), (1,), (None,)):
                raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npz, an array an input), got a table")
        return read_rows(file, {entry.name: entry.dtype for entry in inputs}, rows, True, reading)
    columns, [entry] = manifest.features, inputs
    if columns is None:
        raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npy, .npz), got a table")
    table = read_rows(file, dict.fromkeys(columns, entry.dtype), rows, False, reading)
    return {entry.name: np.concatenate(list(table.values()), axis=1)}
