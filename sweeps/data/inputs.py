"""Input arrays: what is let through, and what a model is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from search_spaces.data_spec import InputSpec
from sweeps.data.arrays import as_array
from sweeps.data.dataset import Array, Inputs, Part
from sweeps.errors import InputError


def as_part(what: str, x: Any, y: Any, sample_weight: Any = None) -> Part:
    """Rows that a program gave: arrays, or what becomes one (a data frame, a list of rows); `x` also as a dictionary.

    Raises:
        InputError: several inputs without names, several targets, or no rectangular array.
    """
    if _are_several(x):
        raise InputError(
            f"{what}: several inputs go in a dictionary, by the names of the Input layers, got a list of {len(x)}"
        )
    if isinstance(y, Mapping) or _are_several(y):
        raise InputError(
            f"{what}: one target is needed, got {len(y)}; HyperModel.fit makes several of it, sweeps.tuner takes them"
        )
    inputs: Inputs
    if isinstance(x, Mapping):
        inputs = {str(name): as_array(f"{what}: x[{name!r}]", one, gaps=True) for name, one in x.items()}
    else:
        inputs = as_array(f"{what}: x", x)
    weights = None if sample_weight is None else as_array(f"{what}: sample_weight", sample_weight)
    return Part(inputs, as_array(f"{what}: y", y), weights)


def _are_several(given: Any) -> bool:
    """Arrays in a list or tuple, as Keras takes those of several inputs or outputs."""
    return isinstance(given, list | tuple) and any(hasattr(one, "__array__") and np.ndim(one) > 0 for one in given)


def check_inputs(name: str, x: Inputs) -> Inputs:
    """`x` as it trains: uint8 stays uint8 and text stays text, any other number becomes float32.

    Args:
        name: of the array, for the error.
        x: (n, …) with two axes or more, or a dictionary of such.

    Raises:
        InputError: a wrong rank or type, an empty axis, infinity, or, other than in a dictionary, NaN.
    """
    if isinstance(x, dict):
        return {column: _check_array(f"{name}[{column!r}]", values, missing=True) for column, values in x.items()}
    return _check_array(name, x, missing=False)


def _check_array(name: str, x: Array, missing: bool) -> Array:
    if x.ndim < 2 or 0 in x.shape:
        raise InputError(f"{name}: two axes or more are needed, rows first and none empty, got shape {x.shape}")
    if x.dtype == np.uint8 or (missing and x.dtype.kind == "U"):
        return x
    if x.dtype.kind not in "biuf":
        raise InputError(f"{name}: numbers are needed, got dtype {x.dtype}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    bad = np.isinf(x) if missing else ~np.isfinite(x)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise InputError(
            f"{name}: finite values below 3.4e38 are needed, got {int(bad.sum())} others, first in row {row}"
        )
    return x


def describe(x: Inputs) -> InputSpec | dict[str, InputSpec]:
    """What a search space is told of the training rows `x`.

    Raises:
        InputError: a column without a value in any training row.
    """
    if isinstance(x, dict):
        return {name: _describe_array(name, column) for name, column in x.items()}
    return _describe_array("x", x)


def _describe_array(name: str, x: Array) -> InputSpec:
    shape = tuple(x.shape[1:])
    if x.dtype.kind == "U":
        return InputSpec(shape, "string", vocabulary=tuple(str(text) for text in np.unique(x)))
    if x.dtype.kind == "f" and x.ndim == 2:
        if np.isnan(x).all(axis=0).any():
            raise InputError(f"column {name!r} has no value in the training rows: drop it")
        return InputSpec(shape, "float32", *moments(x))
    highest = float(np.abs(x).max())
    return InputSpec(shape, x.dtype.name, high=highest or 1.0)  # 1: nothing is divided by zero


def moments(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and variance of each column of `x` (n, columns) or (n,), missing values left out."""
    columns = x.reshape(len(x), -1)
    # in float64: the squares of large float32 values overflow
    mean = np.asarray(np.nanmean(columns, axis=0, dtype=np.float64))
    variance = np.asarray(np.nanvar(columns, axis=0, dtype=np.float64))
    return tuple(mean.tolist()), tuple(variance.tolist())
