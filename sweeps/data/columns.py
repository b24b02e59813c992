"""The columns of a table as inputs, target and sample weights."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as compute

from sweeps.data.dataset import Array, Inputs, Part, RawDataset
from sweeps.data.weights import as_weights
from sweeps.errors import InputError, did_you_mean, shortened

# A column with more different texts, or longer ones, holds names, numbers or prose instead of categories.
MOST_CATEGORIES = 1000
LONGEST_CATEGORY = 256


def from_table(table: pa.Table, target: str | None, weight: str | None = None, as_given: bool = False) -> RawDataset:
    """Take `target` as `y`, `weight` as the sample weights, and all other columns as inputs.

    Complete numeric columns become one float32 array (n, features). When a column holds text or misses values, the
    inputs are a dictionary, column -> (n, 1): float32 with NaN, or text with ``""``, for a missing value. With
    `as_given`, numbers keep their dtypes, and the array has a common one.

    Raises:
        InputError: the target or weight column is not there or misses values, there is no other column, or a column
            holds neither numbers nor categories.
    """
    names = list(table.column_names)
    if target is None:
        raise InputError(f"target: the column to predict must be given, one of {_quoted(names)}")
    _check_exists("target", target, names)
    if weight is not None:
        _check_exists("weight_column", weight, names)
        if weight == target:
            raise InputError(f"weight_column: another column than the target is needed, got {weight!r} for both")
    features = tuple(name for name in names if name not in (target, weight))
    if not features:
        raise InputError(f"a column beside the target {target!r} is needed, got none")
    columns = {name: _feature(name, table.column(name), as_given) for name in features}
    plain = all(values.dtype.kind != "U" and not np.isnan(values).any() for values in columns.values())
    inputs: Inputs
    if plain:
        inputs = np.stack(list(columns.values()), axis=1)
    else:
        _check_input_names(features)
        inputs = {name: values[:, np.newaxis] for name, values in columns.items()}
    weights = None if weight is None else _weights(weight, table.column(weight))
    return RawDataset(Part(inputs, _target(target, table.column(target)), weights), whole=True, features=features)


def _check_exists(option: str, wanted: str, names: list[str]) -> None:
    if wanted not in names:
        raise InputError(f"{option}: no column {wanted!r}.{did_you_mean(wanted, names)}\nThere are {_quoted(names)}")


def _check_input_names(names: tuple[str, ...]) -> None:
    """The keys of a dictionary become names of Keras inputs, where ``/`` is a path separator."""
    if bad := [name for name in names if "/" in name]:
        raise InputError(f"column {bad[0]!r}: in a table with text or missing values, names hold no '/': rename it")


def _quoted(names: list[str]) -> str:
    return shortened([repr(name) for name in names], 20)


def is_number(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a boolean, integer, float or decimal."""
    of = pa.types
    return bool(of.is_boolean(kind) or of.is_integer(kind) or of.is_floating(kind) or of.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column with the values of pandas categories in place of their codes."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _target(name: str, column: pa.ChunkedArray) -> Array:
    column = decoded(column)
    if column.null_count:
        raise InputError(f"target: column {name!r} misses {column.null_count} of {len(column)} values: drop those rows")
    if _is_text(column.type):
        return _as_text(name, column)
    if not is_number(column.type):
        raise InputError(f"target: numbers or text are needed, column {name!r} holds {column.type}")
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    values: Array = column.to_numpy()
    if values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
        raise InputError(
            f"target: column {name!r} holds {bad} NaN or infinite of {len(values)} values: drop those rows"
        )
    return values


def _weights(name: str, column: pa.ChunkedArray) -> Array:
    """float32 (n,)."""
    column = decoded(column)
    if not is_number(column.type):
        first = next((row for row, value in enumerate(column) if value.is_valid), 0)
        raise InputError(
            f"weight_column: numbers of at least 0 are needed, column {name!r} holds {column.type}, "
            f"{str(column[first].as_py())[:40]!r} in row {first}"
        )
    return as_weights(f"weight_column: column {name!r}", column.cast(pa.float64(), safe=False).to_numpy())


def _feature(name: str, column: pa.ChunkedArray, as_given: bool) -> Array:
    """Numbers (n,), float32 or (`as_given`) their own dtype, with NaN for missing; or text (n,) with "" for missing."""
    column = decoded(column)
    if column.null_count == len(column):
        raise InputError(f"column {name!r} has no value in any row: drop it")
    if _is_text(column.type):
        different = compute.count_distinct(column).as_py()
        if different > MOST_CATEGORIES:
            raise InputError(f"column {name!r}: text takes {MOST_CATEGORIES} values at most, got {different}: drop it")
        return _as_text(name, column)
    if not is_number(column.type):
        raise InputError(
            f"column {name!r}: numbers or text are needed, got {column.type}: turn it into numbers or drop it"
        )
    is_whole = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    if as_given and is_whole and not column.null_count:
        whole: Array = column.to_numpy()
        return whole
    if not pa.types.is_floating(column.type):
        column = column.cast(pa.float64(), safe=False)  # integers beyond 2^53 are rounded
    values: Array = column.to_numpy()
    with np.errstate(over="ignore"):
        values = values if as_given else values.astype(np.float32)
    if infinite := int(np.isinf(values).sum()):
        raise InputError(f"column {name!r}: values below 3.4e38 are needed, got {infinite} that are infinite or larger")
    return values


def _as_text(name: str, column: pa.ChunkedArray) -> Array:
    longest = compute.max(compute.utf8_length(column)).as_py() or 0
    if longest > LONGEST_CATEGORY:
        raise InputError(
            f"column {name!r}: categories have {LONGEST_CATEGORY} characters at most, got one of {longest}"
        )
    if compute.any(compute.match_substring(column, "\0")).as_py():  # NumPy drops NULs at the end of a text
        raise InputError(f"column {name!r}: text without NUL characters is needed")
    text: Array = compute.fill_null(column, "").to_numpy().astype(np.str_)
    return text
