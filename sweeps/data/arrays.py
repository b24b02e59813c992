"""Conversion of Python values to arrays: lists, data frames, series, objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from sweeps.data.dataset import Array
from sweeps.errors import InputError


def as_array(label: str, values: Any, gaps: bool = False) -> Array:
    """An array of text, booleans or numbers, with the values, shape and dtype that `model.fit` would see.

    A Series is a column, (n, 1), as in Keras. The columns of a DataFrame get one common dtype; pandas' own dtypes
    become NumPy's, with NaN where a number is missing.

    Args:
        label: of the values, for errors.
        values: whatever NumPy converts to an array.
        gaps: whether text may be missing; it becomes ``""``.

    Raises:
        InputError: the values are no rectangular array of text, booleans or numbers.
    """
    if hasattr(values, "iloc"):
        if values.ndim == 1:
            return from_objects(label, values.to_numpy(), gaps)[:, np.newaxis]
        return _from_frame(label, values)
    if hasattr(values, "toarray"):
        raise InputError(f"{label}: a dense array is needed, got {type(values).__name__}: give {label[-1]}.toarray()")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{label}: an array is needed, got {type(values).__name__}: {error}") from None
    return from_objects(label, array, gaps)


def from_objects(label: str, array: Array, gaps: bool = False) -> Array:
    """An array of objects as one of text, or of booleans and numbers; other arrays as they are. See `as_array`."""
    if array.dtype.kind != "O":
        return array
    values = array.ravel().tolist()
    missing = np.array([_is_missing(value) for value in values], bool)
    present = [value for value, is_missing in zip(values, missing, strict=True) if not is_missing]
    texts = sum(isinstance(value, str) for value in present)
    width = max(1, array.size // max(1, len(array))) if array.ndim else 1
    filler: Any = np.nan
    if texts and texts == len(present):
        filler = ""
        if missing.any() and not gaps:
            first = int(np.argmax(missing))
            raise InputError(f"{label}: text is needed in each row, got {values[first]} in row {first // width}")
    else:
        # in a mixture, the first value is taken for the intended type
        wanted: Any = str if texts and isinstance(present[0], str) else (bool, np.bool_, int, float, np.number)
        for index, value in enumerate(values):
            if not missing[index] and not isinstance(value, wanted):
                raise InputError(
                    f"{label}: text, booleans or numbers are needed, all of one kind, got {repr(value)[:40]} of "
                    f"{type(value).__name__} in row {index // width}"
                )
    filled = [filler if is_missing else value for value, is_missing in zip(values, missing, strict=True)]
    return np.array(filled).reshape(array.shape)


def _is_missing(value: Any) -> bool:
    """Whether this is None, NaN, or pandas' NA or NaT."""
    if type(value).__name__ in ("NoneType", "NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _from_frame(label: str, frame: Any) -> Array:
    """Numbers (n, columns)."""
    columns = []
    for index, name in enumerate(frame.columns):
        column = from_objects(f"{label}[{name!r}]", frame.iloc[:, index].to_numpy(), gaps=True)
        if column.dtype.kind not in "biuf":
            kind = "text" if column.dtype.kind == "U" else str(column.dtype)
            raise InputError(
                f"{label}: column {name!r} holds {kind}, one array needs numbers only\n"
                "Drop it, turn it into numbers (pandas.get_dummies), or give the columns as a dictionary: dict(frame)"
            )
        columns.append(column)
    return np.stack(columns, axis=1) if columns else np.empty(frame.shape)
