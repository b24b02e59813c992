"""Arrays of whatever a program gives: lists, data frames, series, objects."""

from __future__ import annotations

from typing import Any

import numpy as np

from sweeps.data.dataset import Array
from sweeps.errors import InputError


def as_array(what: str, given: Any, gaps: bool = False) -> Array:
    """`given` as an array of text, booleans or numbers, with the values, shape and dtype that `model.fit` would see.

    A Series is a column, (n, 1), as in Keras. Columns of a DataFrame become one dtype that holds them all; pandas'
    own dtypes become NumPy's, with NaN where a number is missing.

    Args:
        what: it is, for the error.
        gaps: whether text may be missing: then it is ``""``.

    Raises:
        InputError: it is no rectangular array, or holds something else.
    """
    if hasattr(given, "iloc"):
        return _of_series(what, given, gaps)[:, np.newaxis] if given.ndim == 1 else _of_frame(what, given)
    if hasattr(given, "toarray"):
        raise InputError(f"{what}: a dense array is needed, got {type(given).__name__}: give {what[-1]}.toarray()")
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as wrong:
        raise InputError(f"{what}: an array is needed, got {type(given).__name__}: {wrong}") from None
    return without_objects(what, array, gaps)


def without_objects(what: str, array: Array, gaps: bool = False) -> Array:
    """The array; objects that are all text, or all booleans and numbers, as an array of those. See `as_array`."""
    if array.dtype.kind != "O":
        return array
    values = array.ravel().tolist()
    missing = np.fromiter((_is_missing(value) for value in values), bool, len(values))
    there = [value for value, is_missing in zip(values, missing, strict=True) if not is_missing]
    texts = sum(isinstance(value, str) for value in there)
    width = max(1, array.size // max(1, len(array))) if array.ndim else 1
    if texts and texts == len(there):
        if missing.any() and not gaps:
            row = int(np.argmax(missing)) // width
            raise InputError(f"{what}: text is needed in each row, got {values[int(np.argmax(missing))]} in row {row}")
        made = np.array(["" if is_missing else value for value, is_missing in zip(values, missing, strict=True)])
    else:
        # of a mixture the first value is taken for what is meant
        wanted: Any = str if texts and isinstance(there[0], str) else (bool, np.bool_, int, float, np.number)
        for place, value in enumerate(values):
            if not missing[place] and not isinstance(value, wanted):
                raise InputError(
                    f"{what}: text, booleans or numbers are needed, all of one kind, got {repr(value)[:40]} of "
                    f"{type(value).__name__} in row {place // width}"
                )
        made = np.array([np.nan if is_missing else value for value, is_missing in zip(values, missing, strict=True)])
    return made.reshape(array.shape)


def _is_missing(value: Any) -> bool:
    """None, NaN, or what pandas has for them."""
    if type(value).__name__ in ("NoneType", "NAType", "NaTType"):
        return True
    return isinstance(value, float) and value != value


def _of_series(what: str, series: Any, gaps: bool) -> Array:
    return without_objects(what, series.to_numpy(), gaps)


def _of_frame(what: str, frame: Any) -> Array:
    """(n, columns) of numbers."""
    columns = []
    for place, name in enumerate(frame.columns):
        column = _of_series(f"{what}[{name!r}]", frame.iloc[:, place], gaps=True)
        if column.dtype.kind not in "biuf":
            held = "text" if column.dtype.kind == "U" else str(column.dtype)
            raise InputError(
                f"{what}: column {name!r} holds {held}, one array needs numbers only\n"
                "Drop it, turn it into numbers (pandas.get_dummies), or give the columns as a dictionary: dict(frame)"
            )
        columns.append(column)
    return np.stack(columns, axis=1) if columns else np.empty(frame.shape)
