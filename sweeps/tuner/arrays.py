"""The arguments of `search`: the arrays as a dataset, the others as a call of each trial's `fit`.

Values and dtypes stay as they are, since the user's model was written for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from search_spaces.data_spec import DataSpec, InputSpec
from sweeps.data.arrays import as_array
from sweeps.data.dataset import Array, Dataset, Inputs, Nested, Part, read_only
from sweeps.data.digest import digest_as_trained
from sweeps.data.targets import encode
from sweeps.errors import InputError
from sweeps.tuner.feeds import DATA, Feed, StaysHere, as_numpy, digest_of, first_batch, head, is_feed
from sweeps.tuner.space import FitCall

#: the positional arguments of `model.fit`, and so of `search`
_POSITIONS = ("x", "y", "batch_size", "epochs", "verbose", "callbacks", "validation_split", "validation_data")
_NEEDED = "search: data is needed, search(x, y, validation_data=(x_valid, y_valid), …) or search(dataset, …)"


def read(
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    name_inputs: Callable[[int], tuple[str, ...]],
    keeps_frames: bool = False,
) -> tuple[Dataset, FitCall, int]:
    """Read the arguments of `search`.

    Args:
        args, kwargs: of `search`.
        name_inputs: gives the model's names for a number of input arrays, which the engine keeps in a dictionary.
        keeps_frames: a `HyperModel.fit` of the user's own gets frames and series as they are, not as arrays.

    Returns:
        The dataset, the call of `HyperModel.fit`, and the number of epochs (1 where it is not given).

    Raises:
        StaysHere: the data cannot be sent to another process, or is no argument that is known.
        InputError: x or y is no data, or the arrays have different lengths.
    """
    if len(args) > len(_POSITIONS):
        raise InputError(f"search: at most {len(_POSITIONS)} arguments go by position, got {len(args)}")
    arguments = dict(zip(_POSITIONS, args, strict=False))
    if doubled := arguments.keys() & kwargs.keys():
        raise InputError(f"search: {', '.join(sorted(doubled))} must be given once, got it by position and by name")
    arguments |= kwargs
    feed = _feed(arguments, keeps_frames)
    example = arguments if feed is None else arguments | _example(feed.arguments)
    missing = [name for name in ("x", "y") if example.get(name) is None]
    if missing:
        # a fit of one's own may find its data elsewhere, and a model may need no target
        kind = StaysHere if keeps_frames or missing == ["y"] else InputError
        raise kind(f"{_NEEDED}, got no {' and no '.join(missing)}")
    inputs = name_inputs(len(example["x"])) if _is_list_of_arrays(example["x"]) else None
    dataset = _dataset(example, inputs)
    if feed is not None:
        dataset = replace(dataset, digest=digest_of(feed.arguments))
    separate = ("x", "y", "epochs", "callbacks", "validation_data", "sample_weight")
    call = FitCall(
        positional=min(len(args), 2),
        inputs=inputs,
        options={name: value for name, value in arguments.items() if name not in separate},
        left_out=frozenset(
            {"verbose", *(name for name in ("validation_data", "epochs") if arguments.get(name) is None)}
        ),
        callbacks=_callbacks(arguments.get("callbacks")),
        feed=feed,
    )
    return dataset, call, int(arguments.get("epochs", 1))


def _feed(arguments: Mapping[str, Any], keeps_frames: bool) -> Feed | None:
    """The data, where some of it is no array, and so is sent to workers as it is."""
    data = {name: arguments[name] for name in DATA if arguments.get(name) is not None}
    parts = [part for value in data.values() for part in (value if isinstance(value, (tuple, list)) else (value,))]
    as_it_is = any(is_feed(part) or (keeps_frames and hasattr(part, "iloc")) for part in parts)
    return Feed(data) if as_it_is else None


def _example(data: Mapping[str, Any]) -> dict[str, Any]:
    """The first rows as arrays, by the names of the arguments."""
    example: dict[str, Any] = {"x": data.get("x"), "y": data.get("y"), "sample_weight": data.get("sample_weight")}
    if _has_batches(data.get("x")):
        example = dict(zip(example, first_batch(data["x"]), strict=True))
    else:
        example = {name: _head_as_numpy(value) for name, value in example.items()}
    validation = data.get("validation_data")
    if _has_batches(validation):
        x, y, weight = first_batch(validation)
        example["validation_data"] = (x, y) if weight is None else (x, y, weight)
    elif isinstance(validation, (tuple, list)):
        example["validation_data"] = tuple(_head_as_numpy(value) for value in validation)
    return example


def _has_batches(value: Any) -> bool:
    return is_feed(value) and not hasattr(value, "toarray") and not hasattr(value, "to_tensor")


def _head_as_numpy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _head_as_numpy(each) for name, each in value.items()}
    if _is_list_of_arrays(value):
        return [_head_as_numpy(each) for each in value]
    if value is None or hasattr(value, "iloc"):
        return None if value is None else head(value)
    return as_numpy(head(value))


def _dataset(arguments: Mapping[str, Any], inputs: tuple[str, ...] | None) -> Dataset:
    train = _part("x and y", arguments["x"], arguments["y"], arguments.get("sample_weight"), inputs)
    # validation data is optional in Keras; the engine then takes its example rows from the training data
    validation = train
    if (data := arguments.get("validation_data")) is not None:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise InputError(f"validation_data: (x, y) or (x, y, sample_weight) is needed, got {type(data).__name__}")
        x, y, weight = (*data, None)[:3]
        validation = _part("validation_data", x, y, weight, inputs)
    elif share := arguments.get("validation_split"):
        if not 0 < share < 1:
            raise InputError(f"validation_split: above 0 and below 1 is needed, got {share}")
        # as in Keras: the last rows, before shuffling
        first = int(len(train) * (1 - share))
        validation = train.map(lambda column: column[first:])
    fingerprint = digest_as_trained((train, validation, None))
    return Dataset("arrays", train, validation, None, _spec(train), fingerprint, as_given=True)


def _part(label: str, x: Any, y: Any, weight: Any, inputs: tuple[str, ...] | None) -> Part:
    columns: Inputs
    if inputs is not None:
        if not isinstance(x, (list, tuple)) or len(x) != len(inputs):
            raise InputError(f"{label}: a list of {len(inputs)} input arrays is needed, got {type(x).__name__}")
        columns = {name: _array(label, column) for name, column in zip(inputs, x, strict=True)}
    elif isinstance(x, Mapping):
        columns = {str(name): _array(label, column) for name, column in x.items()}
    else:
        columns = _array(label, x)
    part = Part(columns, _one_or_several(label, y), None if weight is None else _one_or_several(label, weight))
    rows = {len(column) for arrays in (part.columns, part.targets) for column in arrays.values()}
    if len(rows) > 1:
        raise InputError(f"{label}: all arrays need the same number of rows, got {', '.join(map(str, sorted(rows)))}")
    return part


def _one_or_several(label: str, values: Any) -> Nested:
    """An array; or a dictionary or list of them, for a model with several outputs."""
    if isinstance(values, Mapping):
        return {str(name): _array(label, array) for name, array in values.items()}
    if _is_list_of_arrays(values):
        return [_array(label, array) for array in values]
    return _array(label, values)


def _is_list_of_arrays(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and bool(x) and all(getattr(column, "ndim", 0) > 0 for column in x)


def _array(label: str, values: Any) -> Array:
    """A read-only array with the values that `model.fit` would see."""
    if not (hasattr(values, "__array__") or isinstance(values, (list, tuple))) or hasattr(values, "batch"):
        raise InputError(f"{_NEEDED}; in {label} there is a {type(values).__name__}")
    array = as_array(label, values)
    if array.ndim == 0 or array.dtype.kind not in "biufU":
        raise InputError(f"{label}: an array of numbers is needed, got shape {array.shape} of {array.dtype}")
    return read_only(array)


def _callbacks(argument: Any) -> tuple[keras.callbacks.Callback, ...]:
    """Raises: InputError: one of them is no Keras callback."""
    listed = tuple(argument) if isinstance(argument, (list, tuple)) else () if argument is None else (argument,)
    for callback in listed:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks: instances of keras.callbacks.Callback are needed, got {callback!r}")
    return listed


def _spec(train: Part) -> DataSpec:
    """The description of the data for MLflow; the user's model does not use it."""
    shapes = {name: InputSpec(tuple(column.shape[1:]), column.dtype.name) for name, column in train.columns.items()}
    inputs = shapes if isinstance(train.x, dict) else shapes[""]
    y = next(iter(train.targets.values()))  # the first of several targets is the main one
    try:
        target = encode(y)
    except InputError:
        return DataSpec(inputs, "regression", 1)
    if target.kind in ("sparse", "binary") and not np.array_equal(target.y, y.reshape(-1)):
        # class numbers with gaps stay as they are
        if y.dtype.kind not in "iu" or y.min() < 0:
            return DataSpec(inputs, "regression", 1)
        labels = tuple(map(str, range(int(y.max()) + 1)))
        return DataSpec(inputs, "sparse", len(labels), labels)
    return DataSpec(inputs, target.kind, target.n_outputs, target.labels)
