"""What was given to `search`: the arrays as a dataset, the rest as it goes to each fit.

Unlike `sweeps.data` this leaves the values as they are: the model was written for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from search_spaces.data_spec import DataSpec, InputSpec
from sweeps.data.arrays import as_array
from sweeps.data.dataset import Array, Dataset, Inputs, Nested, Part, read_only
from sweeps.data.digest import digest_as_trained
from sweeps.data.targets import encode
from sweeps.errors import InputError
from sweeps.tuner.space import FitCall

#: the order in which `model.fit`, and so `search`, takes arguments by position
_POSITIONS = ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data")
_NEEDED = "search: arrays in memory are needed, search(x, y, validation_data=(x_valid, y_valid), …)"


def read(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], name_inputs: Callable[[int], tuple[str, ...]]
) -> tuple[Dataset, FitCall, int]:
    """The dataset, how `HyperModel.fit` is to be called with it, and the epochs (1 where none were given).

    Args:
        args, kwargs: of `search`.
        name_inputs: the model's names for so many input arrays; the engine keeps several in a dictionary.

    Raises:
        InputError: x or y is missing, or something is no array or does not fit the rest.
    """
    if len(args) > len(_POSITIONS):
        raise InputError(f"search: at most {len(_POSITIONS)} arguments go by position, got {len(args)}")
    given = dict(zip(_POSITIONS, args, strict=False))
    if doubled := given.keys() & kwargs.keys():
        raise InputError(f"search: {', '.join(sorted(doubled))} must be given once, got it by position and by name")
    given |= kwargs
    missing = [name for name in ("x", "y") if given.get(name) is None]
    if missing:
        raise InputError(f"{_NEEDED}, got no {' and no '.join(missing)}")
    inputs = name_inputs(len(given["x"])) if _is_list_of_arrays(given["x"]) else None
    dataset = _dataset(given, inputs)
    left_out = {"verbose"}
    if given.get("validation_data") is None:
        left_out.add("validation_data")
    if "epochs" not in given:
        left_out.add("epochs")
    apart = ("x", "y", "epochs", "callbacks", "validation_data", "sample_weight")
    call = FitCall(
        positional=min(len(args), 2),
        inputs=inputs,
        options={name: value for name, value in given.items() if name not in apart},
        left_out=frozenset(left_out),
        callbacks=_callbacks(given.get("callbacks")),
    )
    return dataset, call, int(given.get("epochs", 1))


def _dataset(given: Mapping[str, Any], inputs: tuple[str, ...] | None) -> Dataset:
    train = _part("x and y", given["x"], given["y"], given.get("sample_weight"), inputs)
    # Keras requires validation rows of nothing; what the engine takes examples of are then those that train
    validation = train
    if (apart := given.get("validation_data")) is not None:
        if not isinstance(apart, (tuple, list)) or len(apart) not in (2, 3):
            raise InputError(f"validation_data: (x, y) or (x, y, sample_weight) is wanted, got {type(apart).__name__}")
        x, y, weight = (*apart, None)[:3]
        validation = _part("validation_data", x, y, weight, inputs)
    elif share := given.get("validation_split"):
        if not 0 < share < 1:
            raise InputError(f"validation_split: above 0 and below 1 is needed, got {share}")
        # as Keras does it: the last rows, before anything is shuffled
        first = int(len(train) * (1 - share))
        validation = train.map(lambda column: column[first:])
    fingerprint = digest_as_trained((train, validation, None))
    return Dataset("arrays", train, validation, None, _spec(train), fingerprint, given=True)


def _part(what: str, x: Any, y: Any, weight: Any, inputs: tuple[str, ...] | None) -> Part:
    columns: Inputs
    if inputs is not None:
        if not isinstance(x, (list, tuple)) or len(x) != len(inputs):
            raise InputError(f"{what}: a list of {len(inputs)} input arrays is wanted, got {type(x).__name__}")
        columns = {name: _array(what, column) for name, column in zip(inputs, x, strict=True)}
    elif isinstance(x, Mapping):
        columns = {str(name): _array(what, column) for name, column in x.items()}
    else:
        columns = _array(what, x)
    part = Part(columns, _one_or_several(what, y), None if weight is None else _one_or_several(what, weight))
    rows = {len(column) for arrays in (part.columns, part.targets) for column in arrays.values()}
    if len(rows) > 1:
        raise InputError(f"{what}: as many rows everywhere are needed, got {', '.join(map(str, sorted(rows)))}")
    return part


def _one_or_several(what: str, given: Any) -> Nested:
    """An array; for a model of several outputs a dictionary or a list of them, as they were given."""
    if isinstance(given, Mapping):
        return {str(name): _array(what, array) for name, array in given.items()}
    if _is_list_of_arrays(given):
        return [_array(what, array) for array in given]
    return _array(what, given)


def _is_list_of_arrays(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and bool(x) and all(getattr(column, "ndim", 0) > 0 for column in x)


def _array(what: str, values: Any) -> Array:
    """An array as `model.fit` takes it."""
    if not (hasattr(values, "__array__") or isinstance(values, (list, tuple))) or hasattr(values, "batch"):
        raise InputError(f"{_NEEDED}; in {what} there is a {type(values).__name__}")
    array = as_array(what, values)
    if array.ndim == 0 or array.dtype.kind not in "biufU":
        raise InputError(f"{what}: an array of numbers is needed, got shape {array.shape} of {array.dtype}")
    return read_only(array)  # trials share it


def _callbacks(given: Any) -> tuple[keras.callbacks.Callback, ...]:
    """Raises: InputError: something among them is no callback."""
    listed = tuple(given) if isinstance(given, (list, tuple)) else () if given is None else (given,)
    for callback in listed:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks: instances of keras.callbacks.Callback are wanted, got {callback!r}")
    return listed


def _spec(train: Part) -> DataSpec:
    """What the record says of the data; the model is not made of it."""
    shapes = {name: InputSpec(tuple(column.shape[1:]), column.dtype.name) for name, column in train.columns.items()}
    inputs = shapes if isinstance(train.x, dict) else shapes[""]
    y = next(iter(train.targets.values()))  # of several targets the first is the main one
    try:
        found = encode(y)
    except InputError:
        return DataSpec(inputs, "regression", 1)
    if found.kind in ("sparse", "binary") and not np.array_equal(found.y, y.reshape(-1)):
        # classes are numbered with gaps: their numbers stay
        if y.dtype.kind not in "iu" or y.min() < 0:
            return DataSpec(inputs, "regression", 1)
        labels = tuple(map(str, range(int(y.max()) + 1)))
        return DataSpec(inputs, "sparse", len(labels), labels)
    return DataSpec(inputs, found.kind, found.n_outputs, found.labels)
