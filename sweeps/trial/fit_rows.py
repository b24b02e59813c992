"""Rows as `model.fit` was given them: what a trial's model takes, whatever its space makes of the data before."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sweeps.data.dataset import Array, Inputs, by_name
from sweeps.model.signature import by_names

ROWS = 3


def first_rows(x: Any) -> Any:
    """The first rows of the `x` of a fit, as arrays in its structure; None where they cannot be had without taking
    them away from the training (a generator), or are no arrays."""
    if isinstance(x, tf.data.Dataset):
        x = _inputs(next(iter(x), None))
    elif isinstance(x, keras.utils.PyDataset):
        x = _inputs(x[0])
    leaves = keras.tree.flatten(x)
    if not leaves or not all(hasattr(leaf, "__array__") and np.ndim(leaf) > 0 for leaf in leaves):
        return None
    return keras.tree.map_structure(_head, x)


def prepared(example: Any, raw: Inputs) -> dict[str, Any] | None:
    """What the inputs are, where they are not the rows of the data; None where they are.

    Args:
        example: what `first_rows` gave, with several inputs in a dictionary.
        raw: the data's own inputs.

    Returns:
        For each input by its name, "" for an only one, its shape (without rows) and dtype.
    """
    given, own = by_name(example), by_name(raw)
    # the first rows of the data are looked at first: all of them take as long as an epoch
    if given.keys() == own.keys() and any(
        _among(given, {name: rows[:some] for name, rows in own.items()}) for some in (ROWS, None)
    ):
        return None
    return {
        name: {"shape": list(column.shape[1:]), "dtype": "string" if column.dtype.kind == "U" else column.dtype.name}
        for name, column in given.items()
    }


def named_example(model: Any, example: Any) -> Any:
    """Several inputs in a dictionary by the names of the model's."""
    names = [tensor.name for tensor in getattr(model, "inputs", None) or ()]
    return by_names(names, example, "input")


def _inputs(batch: Any) -> Any:
    return keras.utils.unpack_x_y_sample_weight(batch)[0]


def _head(rows: Any) -> Array:
    head = np.array(rows[:ROWS])
    if head.dtype.kind == "O":  # text, of a tensor as bytes
        head = (
            head.astype(np.str_) if isinstance(head.flat[0], str) else np.char.decode(head.astype(np.bytes_), "utf-8")
        )
    return head


def _among(given: dict[str, Array], own: dict[str, Array]) -> bool:
    """Whether the first row that was given is one of the data's."""
    found = True
    for name, rows in own.items():
        row = given[name][0]
        if _bare(row.shape) != _bare(rows.shape[1:]) or (row.dtype.kind == "U") != (rows.dtype.kind == "U"):
            return False
        both_are_floats = row.dtype.kind == "f" and rows.dtype.kind == "f"
        if both_are_floats:  # Keras has cast them
            with np.errstate(over="ignore"):
                rows = rows.astype(row.dtype, copy=False)
        flat, wanted = rows.reshape(len(rows), -1), row.reshape(-1)
        same = flat == wanted
        if both_are_floats:
            same |= np.isnan(flat) & np.isnan(wanted)
        found = found & same.all(axis=1)
    return bool(np.any(found))


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without axes of size 1, which Keras adds and leaves out itself."""
    return tuple(size for size in shape if size != 1)
