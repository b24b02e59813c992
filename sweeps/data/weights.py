"""Checks of sample weights."""

from __future__ import annotations

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.errors import InputError


def checked_weights(name: str, part: Part, as_given: bool = False) -> Array | None:
    """The weights of a part, float32 (n,); None where it has none.

    Args:
        name: of the part's inputs, for errors.
        part: as it was read.
        as_given: keep shape and dtype, and allow several weights per row.

    Raises:
        InputError: not one number per row, or a weight is missing, negative or infinite.
    """
    weights = part.sample_weight
    if weights is None:
        return None
    rows = len(part)
    fits = weights.shape in ((rows,), (rows, 1)) or (as_given and weights.shape[:1] == (rows,))
    if weights.dtype.kind not in "biuf" or not fits:
        raise InputError(
            f"sample weights of {name}: one number a row is needed, shape ({rows},), "
            f"got {weights.shape} of {weights.dtype}"
        )
    checked = as_weights(f"sample weights of {name}", weights.reshape(-1))
    return weights if as_given else checked


def as_weights(label: str, values: Array) -> Array:
    """Numbers (n,) of any dtype as float32.

    Args:
        label: of the values, for errors.
        values: (n,).

    Raises:
        InputError: a weight is missing, negative or infinite; the message names the first one.
    """
    with np.errstate(over="ignore"):
        weights = values.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        more = f" and {bad.size - 1} more" if bad.size > 1 else ""
        raise InputError(
            f"{label}: finite numbers of at least 0 are needed, got {values[bad[0]]} in row {bad[0]}{more}"
        )
    return weights


def check_not_all_zero(train: Part, validation: Part) -> None:
    """Raises: InputError: all training weights, or all validation weights, are 0."""
    for where, part in (("training", train), ("validation", validation)):
        if part.sample_weight is not None and not part.sample_weight.any():
            raise InputError(f"sample weights: a weight above 0 is needed in the {where} data, got 0 in every row")
