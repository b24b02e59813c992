"""Sample weights: what is let through."""

from __future__ import annotations

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.errors import InputError


def checked_weights(name: str, part: Part, as_given: bool = False) -> Array | None:
    """The weights of a part, float32 (n,); None where it has none.

    Args:
        name: by which a person knows the part's inputs, for the error.
        part: as a reader brought it.
        as_given: leave shape and dtype as they are; more than one weight a row will do then.

    Raises:
        InputError: not one number a row, or one that is missing, negative or infinite; the first of them is named.
    """
    weights = part.sample_weight
    if weights is None:
        return None
    rows = len(part)
    fits = weights.shape in ((rows,), (rows, 1)) or (as_given and weights.shape[:1] == (rows,))
    if weights.dtype.kind not in "biuf" or not fits:
        raise InputError(
            f"sample weights of {name}: one number a row is needed, shape ({len(part)},), "
            f"got {weights.shape} of {weights.dtype}"
        )
    checked = as_weights(f"sample weights of {name}", weights.reshape(-1))
    return weights if as_given else checked


def as_weights(what: str, values: Array) -> Array:
    """Numbers (n,) as float32.

    Args:
        what: they are, for the error.
        values: (n,) of any number type.

    Raises:
        InputError: one is missing, negative or infinite; the first of them is named.
    """
    with np.errstate(over="ignore"):
        weights = values.astype(np.float32)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        more = f" and {bad.size - 1} more" if bad.size > 1 else ""
        raise InputError(f"{what}: finite numbers of at least 0 are needed, got {values[bad[0]]} in row {bad[0]}{more}")
    return weights


def check_some_weigh(train: Part, validation: Part) -> None:
    """Raises: InputError: all rows that train, or all that validate, weigh nothing."""
    for where, part in (("training", train), ("validation", validation)):
        if part.sample_weight is not None and not part.sample_weight.any():
            raise InputError(
                f"sample weights: some above 0 are needed in the {where} data, got 0 in row 0 and all others"
            )
