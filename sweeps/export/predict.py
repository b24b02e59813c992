"""Predictions of an exported model for the rows of a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from sweeps.errors import InputError
from sweeps.export.keras_file import load_keras_file
from sweeps.export.manifest import Manifest, read_labels, read_manifest
from sweeps.export.sources import read
from sweeps.model.outputs import Head

logger = logging.getLogger(__name__)

#: rows that the model is given at once
BATCH = 1024


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
        others: what stands beside the rows, see `sweeps.export.sources.Piece`.
        skipped: what is said of lines that are no rows, and of files that are none.
        names: of the rows, in messages: those of image files.
        total: how many rows there are in all; None: only the end of a table tells.
    """

    first: int
    rows: list[dict[str, Any] | None]
    faults: Mapping[int, str] = field(default_factory=dict)
    others: pa.Table | None = None
    skipped: tuple[str, ...] = ()
    names: Sequence[str] = ()
    total: int | None = None


def predict(folder: Path, file: Path, rows: int | None = None, threshold: float | None = None) -> Iterator[Predicted]:
    """Predict the rows of a file; a table may be larger than the memory.

    Args:
        folder: an export.
        file: `.npy` or `.npz` (array `x`, `x_test` or the only one; for several inputs one array by the name of each),
            `.csv` or `.parquet` (a table with the columns of the training data; other columns are ignored), `.png` or
            `.jpeg` (in the size and colours that the model takes), or a folder of such files.
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
    inputs = read(file, manifest, sys.maxsize if rows is None else rows)
    first = next(inputs)  # what is wrong with the file is said before the model is loaded
    model = load_keras_file(folder / "model.keras", manifest.study)
    head = manifest.head or _head_of(model, manifest, labels)
    if threshold is not None and not head.takes_threshold(labels):
        given = {"class": f"{len(labels or ())} classes, or scores", "value": "numbers"}.get(head.gives, "raw outputs")
        raise InputError(
            f"--threshold: probabilities of two classes, or of labels, are needed; the model gives {given}"
        )
    wrong: list[str] = []
    count = 0
    for x, some in chain([first], inputs):
        found = iter([row for answer in _answers(model, x) for row in head.rows(answer, labels, threshold)])
        predicted = [None if row in some.faults else next(found) for row in range(some.count)]
        wrong += [*some.skipped, *some.faults.values()][:1]
        count += some.count - len(some.faults)
        yield Predicted(some.first, predicted, some.faults, some.others, some.skipped, some.names, some.total)
    if wrong and not count:
        raise InputError(f"{str(file)!r}: no row can be predicted: {wrong[0]}")


def _answers(model: Any, x: Any) -> Iterator[Any]:
    """The model's outputs, `BATCH` rows at a time."""
    from sweeps.training import as_tensors

    if x is None:  # of rows that are all wrong
        return
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
