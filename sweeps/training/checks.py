"""Validation of the input before anything is compiled, with Keras's exceptions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sweeps.training.rows import Rows


def check_numbers(batch_size: Any, epochs: Any, initial_epoch: Any, validation_batch_size: Any) -> None:
    """Raise ValueError for a batch size below 1, a negative number of epochs, or a value that is no integer."""
    for name, value in (("batch_size", batch_size), ("validation_batch_size", validation_batch_size)):
        if value is not None and (not _is_integer(value) or value < 1):
            raise ValueError(f"`{name}` must be a positive integer, got {name}={value!r}")
    for name, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if not _is_integer(value) or value < 0:
            raise ValueError(f"`{name}` must be an integer of at least 0, got {name}={value!r}")


def check_weights(sample_weight: Any, class_weight: dict[int, float] | None) -> None:
    """Raise ValueError for a weight that is NaN or infinite."""
    for leaf in keras.tree.flatten(sample_weight):
        if leaf is None:
            continue
        bad = np.flatnonzero(~np.isfinite(np.asarray(leaf, dtype=np.float64)))
        if bad.size:
            raise ValueError(f"`sample_weight` must be finite, got {np.asarray(leaf).flat[bad[0]]} in row {bad[0]}")
    for label, weight in (class_weight or {}).items():
        if not np.isfinite(weight):
            raise ValueError(f"`class_weight` must be finite, got {weight} for class {label}")


def check_arrays(data: tuple[Any, ...]) -> None:
    """Raise ValueError where there is no array, or one without rows or without an axis of rows."""
    leaves = [leaf for leaf in keras.tree.flatten(data) if leaf is not None]
    if not leaves:
        raise ValueError("Expected input data to be non-empty, got x=None")
    for leaf in leaves:
        if not leaf.shape:
            raise ValueError(f"Expected arrays with an axis of rows, got a scalar of type {type(leaf).__name__}")
        if leaf.shape[0] == 0:
            raise ValueError(f"Expected input data to be non-empty, got an array of shape {tuple(leaf.shape)}")


def check_shapes(model: Any, rows: Rows) -> None:
    """Raise ValueError where the shape of `x` does not match the model's input (Keras's message)."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(rows.structure)
    inputs = keras.tree.map_structure(lambda leaf: leaf if leaf is None else _symbolic(rows.tensors[leaf]), x)
    if not model.built or _matches_inputs(model, inputs):
        return
    # Keras decides about shapes that differ: it accepts an axis of size 1 too many or too few
    keras.src.backend.compute_output_spec(model, inputs, training=False)


def _matches_inputs(model: Any, inputs: Any) -> bool:
    expected = getattr(model, "inputs", None)
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(inputs, dict) and isinstance(structure, dict) and structure.keys() == inputs.keys():
        expected, inputs = list(structure.values()), [inputs[name] for name in structure]
    leaves = [leaf for leaf in keras.tree.flatten(inputs) if leaf is not None]
    if not expected or isinstance(inputs, dict) or len(expected) != len(leaves):
        return False
    return all(
        isinstance(want, keras.KerasTensor)
        and len(want.shape) == len(have.shape)
        and (want.dtype == "string") == (have.dtype == "string")
        and all(a is None or a == b for a, b in zip(want.shape[1:], have.shape[1:], strict=True))
        for want, have in zip(expected, leaves, strict=True)
    )


def _symbolic(tensor: Any) -> keras.KerasTensor:
    return keras.KerasTensor((None, *tensor.shape[1:]), dtype=tensor.dtype.name)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
