"""Input arrays: conversion, checks, and their description for search spaces."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from search_spaces.data_spec import InputSpec
from sweeps.data.arrays import as_array
from sweeps.data.dataset import Array, Inputs, Part, map_inputs
from sweeps.data.dates import cycles_of
from sweeps.data.table_plan import MOST_CATEGORIES
from sweeps.errors import InputError


def as_part(label: str, x: Any, y: Any, sample_weight: Any = None) -> Part:
    """Rows given in Python: arrays or what NumPy converts to one (a data frame, a list); `x` also as a dictionary.

    Raises:
        InputError: several inputs without names, several targets, or something is not a rectangular array.
    """
    if _is_list_of_arrays(x):
        raise InputError(
            f"{label}: several inputs go in a dictionary, by the names of the Input layers, got a list of {len(x)}"
        )
    if isinstance(y, Mapping) or _is_list_of_arrays(y):
        raise InputError(
            f"{label}: one target is needed, got {len(y)}; derive several in HyperModel.fit, or use sweeps.tuner"
        )
    inputs: Inputs
    if isinstance(x, Mapping):
        inputs = {str(name): as_array(f"{label}: x[{name!r}]", values, gaps=True) for name, values in x.items()}
    else:
        inputs = as_array(f"{label}: x", x)
    weights = None if sample_weight is None else as_array(f"{label}: sample_weight", sample_weight)
    return Part(inputs, as_array(f"{label}: y", y), weights)


def _is_list_of_arrays(values: Any) -> bool:
    """Whether these are several inputs or outputs, as Keras takes them."""
    return isinstance(values, list | tuple) and any(hasattr(v, "__array__") and np.ndim(v) > 0 for v in values)


def check_inputs(label: str, x: Inputs) -> Inputs:
    """The inputs as they train: uint8 and text stay, other numbers become float32.

    Args:
        label: of the array, for errors.
        x: (n, …) with two axes or more, or a dictionary of such columns or of (n,), which may hold text and NaN.

    Raises:
        InputError: a wrong rank or dtype, an empty axis, an infinite value, or NaN outside of a dictionary.
    """
    return map_inputs(partial(_check_array, column=isinstance(x, dict)), label, x)


def _check_array(label: str, x: Array, column: bool) -> Array:
    if column and x.ndim == 1:
        x = x[:, np.newaxis]  # a list of texts or numbers is a column
    if x.ndim < 2 or 0 in x.shape:
        raise InputError(f"{label}: two axes or more are needed, rows first and none empty, got shape {x.shape}")
    if x.dtype == np.uint8 or (column and x.dtype.kind == "U"):
        return x
    if x.dtype.kind not in "biuf":
        raise InputError(f"{label}: numbers are needed, got dtype {x.dtype}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    bad = np.isinf(x) if column else ~np.isfinite(x)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise InputError(
            f"{label}: finite values below 3.4e38 are needed, got {int(bad.sum())} others, first in row {row}"
        )
    return x


def describe(x: Inputs, dates: Collection[str] = ()) -> InputSpec | dict[str, InputSpec]:
    """Shapes, dtypes and statistics of the training inputs.

    Args:
        dates: the columns that are dates, as days.

    Raises:
        InputError: a column has no value in the training rows.
    """
    if isinstance(x, dict):
        specs = {name: _describe_array(name, column) for name, column in x.items()}
        return specs | {name: replace(specs[name], periods=cycles_of(x[name])) for name in dates}
    return _describe_array("x", x)


def _describe_array(name: str, x: Array) -> InputSpec:
    shape = tuple(x.shape[1:])
    if x.dtype.kind == "U":
        return InputSpec(shape, "string", vocabulary=_vocabulary(x))
    if x.dtype.kind == "f" and x.ndim == 2:
        if np.isnan(x).all(axis=0).any():
            raise InputError(f"column {name!r} has no value in the training rows: drop it")
        return InputSpec(shape, "float32", *moments(x))
    highest = float(np.abs(x).max())
    return InputSpec(shape, x.dtype.name, high=highest or 1.0)  # 1: avoids a division by zero


def _vocabulary(x: Array) -> tuple[str, ...]:
    """The different texts, sorted; of many the most frequent ones."""
    texts, counts = np.unique(x, return_counts=True)
    if len(texts) > MOST_CATEGORIES:
        texts = np.sort(texts[np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]])
    return tuple(str(text) for text in texts)


def moments(x: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and variance of each column of `x` (n, columns) or (n,), without missing values."""
    # the squares of large float32 values overflow, in `nanvar(dtype=float64)` as well
    columns = x.reshape(len(x), -1).astype(np.float64)
    mean, variance = np.nanmean(columns, axis=0), np.nanvar(columns, axis=0)
    return tuple(mean.tolist()), tuple(variance.tolist())
