"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sweeps.data import Rows, as_dtype, first_rows, read_array, read_arrays, read_rows
from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.export.manifest import Input, Manifest, read_labels, read_manifest
from sweeps.model.outputs import Head

logger = logging.getLogger(__name__)

#: rows that the model is given at once
BATCH = 1024
#: rows of arrays that are read at once
PIECE = 16 * BATCH


@dataclass(frozen=True)
class Predicted:
    """Predictions of some rows of a file.

    Attributes:
        first: how many rows come before.
        rows: for each row `{"class", "probability", "probabilities"}`, `{"class", "score"}` for losses without
            probabilities (hinge), `{"labels"}` for multi-label (with a threshold also `"chosen"`), `{"value"}` for a
            regression, or `{"raw"}`, the model's outputs, where the manifest says that their meaning is unknown; None
            for a row that is wrong.
        faults: these, from 0 on, and what is wrong with them.
        others: of a table, the columns that the model does not use.
        skipped: what is said of lines that are no rows.
    """

    first: int
    rows: list[dict[str, Any] | None]
    faults: Mapping[int, str] = field(default_factory=dict)
    others: pa.Table | None = None
    skipped: tuple[str, ...] = ()


def predict(folder: Path, file: Path, rows: int | None = None, threshold: float | None = None) -> Iterator[Predicted]:
    """Predict the rows of a file; a table may be larger than the memory.

    Args:
        folder: an export.
        file: `.npy` or `.npz` (array `x`, `x_test` or the only one; for several inputs one array by the name of each),
            `.csv` or `.parquet` (a table with the columns of the training data; other columns are ignored).
        rows: how many rows, from the first; None: all.
        threshold: see `Head.rows`.

    Raises:
        InputError: there is no export, the file does not match the model's input, no row of it is right, or a threshold
            decides nothing.
        CorruptStore: a file of the export has changed.
    """
    manifest = read_manifest(folder)
    labels = read_labels(folder)
    if manifest.prepared:
        logger.warning(
            "The space's fit() prepared the training data: the rows of the file must be prepared in the same way"
        )
    inputs = _read(file, manifest, sys.maxsize if rows is None else rows)
    first = next(inputs)  # what is wrong with the file is said before the model is loaded
    model = load_keras_file(folder / "model.keras", manifest.study)
    head = manifest.head or _head_of(model, manifest, labels)
    if threshold is not None and not head.takes_threshold(labels):
        given = {"class": f"{len(labels or ())} classes, or scores", "value": "numbers"}.get(head.gives, "raw outputs")
        raise InputError(
            f"--threshold: probabilities of two classes, or of labels, are needed; the model gives {given}"
        )
    faults: list[str] = []
    count = 0
    for x, table in chain([first], inputs):
        found = iter([row for answer in _answers(model, x) for row in head.rows(answer, labels, threshold)])
        if isinstance(table, int):
            yield Predicted(table, list(found))
            continue
        predicted = [None if row in table.faults else next(found) for row in range(table.count)]
        faults += list(table.faults.values())[:1]
        count += table.count - len(table.faults)
        yield Predicted(table.first, predicted, table.faults, table.others, table.skipped)
    if faults and not count:
        raise InputError(f"{str(file)!r}: no row can be predicted: {faults[0]}")


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


def _read(file: Path, manifest: Manifest, rows: int) -> Iterator[tuple[Any, Rows | int]]:
    """The model's input from the first rows of a file, some at a time: an array (n, …), or a dictionary of arrays; with
    the rows of a table that it was made of, or with how many rows come before."""
    suffix = file.suffix.lower()
    # a list of inputs is matched by name as well
    named = manifest.named_inputs or len(manifest.input) > 1
    try:
        if suffix in (".csv", ".parquet"):
            for table in first_rows(_table(file, manifest, named), rows):
                yield _inputs(_joined(table.arrays, manifest, named), manifest, named), table
            return
        if suffix == ".npz" and named:
            data = read_arrays(file, [entry.name for entry in manifest.input])
        elif suffix in (".npy", ".npz") and not named:
            data = {manifest.input[0].name: read_array(file)}
        else:
            kinds = ".csv, .parquet or .npz" if named else ".npy, .npz, .csv or .parquet"
            raise InputError(f"a {kinds} file is wanted, got {suffix or 'no ending'!r}")
        shaped = {entry.name: _of_shape(data[entry.name], entry) for entry in manifest.input}
        count = min(rows, len(next(iter(shaped.values()))))
        for first in range(0, max(count, 1), PIECE):
            some = {name: x[first : min(first + PIECE, count)] for name, x in shaped.items()}
            yield _inputs(some, manifest, named), first
    except InputError as error:
        raise InputError(f"{str(file)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None


def _inputs(data: Mapping[str, Any], manifest: Manifest, named: bool) -> Any:
    arrays = {entry.name: _as_input(data[entry.name], entry) for entry in manifest.input}
    return arrays if named else next(iter(arrays.values()))


def _as_input(x: Any, entry: Input) -> Any:
    """An array in the shape and dtype of an input."""
    x = _of_shape(x, entry)
    return np.asarray(x) if entry.dtype == "string" else as_dtype(f"input {entry.name!r}", x, entry.dtype)


def _of_shape(x: Any, entry: Input) -> Any:
    """`x` with an axis of rows; a last axis of size 1 is added or removed, as in Keras."""
    if (x.dtype.kind in "US") != (entry.dtype == "string") or x.dtype.kind not in "biufUS":
        raise InputError(f"{'text is' if entry.dtype == 'string' else 'numbers are'} needed, got {x.dtype}")
    shape = entry.shape[1:]

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


def _table(file: Path, manifest: Manifest, named: bool) -> Iterator[Rows]:
    """The rows of a table whose columns are the inputs, or all of them one input."""
    inputs, reading = manifest.input, manifest.reading.model_dump() if manifest.reading else None
    if named:
        for entry in inputs:
            if entry.shape[1:] not in ((), (1,), (None,)):
                raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npz, an array an input), got a table")
        return read_rows(file, {entry.name: entry.dtype for entry in inputs}, True, reading)
    columns, [entry] = manifest.features, inputs
    if columns is None:
        raise InputError(f"rows of shape {entry.shape[1:]} are wanted (.npy, .npz), got a table")
    return read_rows(file, dict.fromkeys(columns, entry.dtype), False, reading)


def _joined(columns: Mapping[str, Any], manifest: Manifest, named: bool) -> Mapping[str, Any]:
    """The columns by the name of their input."""
    return columns if named else {manifest.input[0].name: np.concatenate(list(columns.values()), axis=1)}
