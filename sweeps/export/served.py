"""Predictions of an export by its SavedModel: what `mlflow models serve` answers, without Keras and the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeps.errors import InputError
from sweeps.export.inputs import as_input
from sweeps.export.manifest import Input, read_labels, read_manifest
from sweeps.system.import_keras import silent


def predictor(folder: Path) -> Callable[[Any], list[dict[str, Any]]]:
    """What predicts rows by the SavedModel of an export.

    Args:
        folder: of the export, with `saved_model/`.

    Returns:
        A function of a table (a DataFrame), an array or arrays by name, which gives a prediction for each row as
        `sweeps predict` does.

    Raises:
        InputError, CorruptStore: it is no export, or was changed.
    """
    with silent():
        import tensorflow as tf

        tf.zeros(())  # with the first operation it greets

    manifest = read_manifest(folder, ("saved_model/",))
    labels, head = read_labels(folder), manifest.head
    if head is None:
        raise InputError(f"{folder} is an export of an earlier version: export it again")
    loaded = tf.saved_model.load(str(folder / "saved_model"))
    named = manifest.named_inputs

    def predict(rows: Any) -> list[dict[str, Any]]:
        tensors = [
            tf.constant(array) if entry.dtype == "string" else tf.cast(array, entry.dtype)
            for array, entry in zip(arrays_of(rows, manifest.input), manifest.input, strict=True)
        ]
        names = [entry.name for entry in manifest.input]
        given = dict(zip(names, tensors, strict=True)) if named else tensors if len(tensors) > 1 else tensors[0]
        outputs = tf.nest.map_structure(lambda output: output.numpy(), loaded.serve(given))
        return head.rows(outputs, labels)

    return predict


def arrays_of(rows: Any, inputs: Sequence[Input]) -> list[Any]:
    """The arrays of the inputs, from a table with a column for each, or arrays.

    Raises:
        InputError: an input is not there, or has another shape.
    """
    if isinstance(rows, np.ndarray | list):
        return [as_input(np.asarray(rows), inputs[0])]
    if absent := [entry.name for entry in inputs if entry.name not in rows]:
        if len(inputs) == 1 and not isinstance(rows, Mapping):  # a table whose columns are one input
            return [as_input(rows.to_numpy(), inputs[0])]
        raise InputError(f"{', '.join(map(repr, absent))} is not there")
    return [as_input(_column(rows[entry.name], entry), entry) for entry in inputs]


def _column(values: Any, entry: Input) -> Any:
    """The values of an input, with what its dtype has for a missing one."""
    array = np.asarray(values)
    if entry.dtype != "string":
        return array.astype("float64") if array.dtype.kind == "O" else array
    texts = ["" if value is None or value != value else str(value) for value in array.flat]
    return np.array(texts, dtype=str).reshape(array.shape)
