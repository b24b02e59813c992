"""Rows as the inputs of a model: in the shapes and dtypes that a manifest or a signature gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sweeps.data import Array, as_dtype
from sweeps.errors import InputError
from sweeps.export.manifest import Input

#: rows on which an exported model is compared with the one that was trained
ROWS = 256


@dataclass(frozen=True)
class StudyRows:
    """Some rows of a study's data, and how many it has.

    Attributes:
        columns: up to `ROWS` of them, raw, as the models take them: arrays (n, …) by the names of the inputs; a single
            one is "", those of a list are "0", "1", ….
        counts: of the "train", "validation" and "test" rows.
    """

    columns: Mapping[str, Array]
    counts: Mapping[str, int] = field(default_factory=dict)


def of_rows(columns: Mapping[str, Array], inputs: Sequence[Input]) -> list[Array]:
    """Raw rows as an array for each input, in their order.

    Args:
        columns: see `StudyRows`.

    Raises:
        InputError: they are not what the model takes.
    """
    by_order = "" in columns or all(name.isdecimal() for name in columns)
    arrays = list(columns.values()) if by_order else [columns[entry.name] for entry in inputs if entry.name in columns]
    if len(arrays) != len(inputs):
        raise InputError(f"the model takes {', '.join(repr(entry.name) for entry in inputs)}, the rows have others")
    return [as_input(np.asarray(array), entry) for array, entry in zip(arrays, inputs, strict=True)]


def drawn(inputs: Sequence[Input], count: int = ROWS) -> list[Array]:
    """Random rows: numbers around 0, integers of 0 and 1 (an `Embedding` has these), any bytes, and letters."""
    random = np.random.default_rng(0)
    return [_drawn(random, entry, count) for entry in inputs]


def _drawn(random: np.random.Generator, entry: Input, count: int) -> Array:
    shape = (count, *(8 if length is None else length for length in entry.shape[1:]))
    if entry.dtype == "string":
        return random.choice(np.array(["", "a", "b"]), shape)
    if entry.dtype == "uint8":
        return random.integers(0, 256, shape, "uint8")
    if entry.dtype.startswith(("int", "uint", "bool")):
        return random.integers(0, 2, shape).astype(entry.dtype)
    return random.normal(size=shape).astype("float32" if entry.dtype == "bfloat16" else entry.dtype)


def as_input(x: Any, entry: Input) -> Any:
    """An array in the shape and dtype of an input.

    Raises:
        InputError: it has another shape, or values that the dtype cannot hold.
    """
    x = of_shape(x, entry)
    return np.asarray(x) if entry.dtype == "string" else as_dtype(f"input {entry.name!r}", x, entry.dtype)


def of_shape(x: Any, entry: Input) -> Any:
    """`x` with an axis of rows; a last axis of size 1 is added or removed, as in Keras.

    Raises:
        InputError: it has another shape, or is text where numbers are wanted.
    """
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
