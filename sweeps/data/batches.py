"""Arrays of what comes in batches: tf.data, PyDataset; and of sparse matrices. TensorFlow is not imported here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from sweeps.data.dataset import Array
from sweeps.errors import InputError

#: bytes of a sparse matrix as a dense one
_LARGEST = 1 << 30
_FORMS = "arrays (x, y) or (x, y, sample_weight), a tf.data.Dataset or a keras.utils.PyDataset"


def in_memory(label: str, data: Any) -> tuple[Any, ...]:
    """The rows as `(x, y)` or `(x, y, sample_weight)`.

    Batches are read once, in their order, and put together: what changes them from epoch to epoch (a shuffle, random
    augmentation) happens once.

    Args:
        label: of the data, for errors.
        data: such a tuple, where sparse matrices become dense; a `tf.data.Dataset`, or a `keras.utils.PyDataset`.

    Raises:
        InputError: it is none of these, or has no end.
    """
    if isinstance(data, (tuple, list)):
        if len(data) not in (2, 3):
            raise InputError(f"{label}: (x, y) or (x, y, sample_weight) is needed, got {len(data)} parts")
        return (_dense(label, data[0]), *data[1:])
    if hasattr(data, "element_spec") and hasattr(data, "cardinality"):
        batches = _of_dataset(label, data)
    elif hasattr(data, "num_batches") and hasattr(data, "__getitem__"):
        batches = _of_indexed(label, data)
    elif hasattr(data, "__next__"):
        raise InputError(
            f"{label}: a generator can be read once only, and may have no end\n"
            "Give arrays (x, y), a keras.utils.PyDataset, or a tf.data.Dataset with an end: .take(n)"
        )
    else:
        raise InputError(f"{label}: {_FORMS} is needed, got {type(data).__name__}")
    return _joined(label, batches)


def _dense(label: str, x: Any) -> Any:
    """Dense arrays of sparse matrices; what else there is stays as it is."""
    if isinstance(x, Mapping):
        return {name: _dense(f"{label}[{name!r}]", column) for name, column in x.items()}
    if not hasattr(x, "toarray"):
        return x
    size = int(np.prod(x.shape)) * x.dtype.itemsize
    if size > _LARGEST:
        raise InputError(
            f"{label}: a sparse matrix of at most {_LARGEST >> 30} GiB as a dense one is taken, "
            f"got {size / (1 << 30):.1f} GiB: {x.shape[0]} x {x.shape[1]}\n"
            "Reduce its columns (max_features, TruncatedSVD); sweeps.tuner's search takes it as it is"
        )
    return x.toarray()


def _of_dataset(label: str, dataset: Any) -> Iterable[Any]:
    if int(dataset.cardinality()) == -1:
        raise InputError(f"{label}: a tf.data.Dataset with an end is needed, got one that repeats: give .take(batches)")
    spec = dataset.element_spec
    if isinstance(spec, tuple) and any(_is_scalar(each) for each in spec):
        raise InputError(f"{label}: a tf.data.Dataset of batches is needed, got one of rows: give .batch(32)")
    return (_as_arrays(batch) for batch in dataset)


def _is_scalar(spec: Any) -> bool:
    shape = getattr(spec, "shape", None)
    return shape is not None and shape.rank == 0


def _as_arrays(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return {name: _as_arrays(each) for name, each in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(_as_arrays(each) for each in batch)
    array = np.asarray(batch.numpy() if hasattr(batch, "numpy") else batch)
    # TensorFlow's text is bytes
    return np.char.decode(array.astype(np.bytes_), "utf-8") if array.dtype.kind in "OS" else array


def _of_indexed(label: str, batches: Any) -> Iterable[Any]:
    count = batches.num_batches
    if count is None:
        raise InputError(f"{label}: a PyDataset with an end is needed, got one whose num_batches is None")
    return (_as_arrays(batches[index]) for index in range(count))


def _joined(label: str, batches: Iterable[Any]) -> tuple[Any, ...]:
    listed = list(batches)
    if not listed:
        raise InputError(f"{label}: one batch at least is needed, got none")
    if any(not isinstance(batch, tuple) or len(batch) not in (2, 3) for batch in listed):
        raise InputError(f"{label}: each batch must be (x, y) or (x, y, sample_weight)")
    return tuple(_join(list(part)) for part in zip(*listed, strict=True))


def _join(parts: list[Any]) -> Any:
    """One array of the same part of all batches; inputs by name or place stay apart."""
    if isinstance(parts[0], Mapping):
        return {name: _join([part[name] for part in parts]) for name in parts[0]}
    if isinstance(parts[0], tuple):
        return [_join(list(column)) for column in zip(*parts, strict=True)]
    arrays: list[Array] = parts
    return np.concatenate(arrays)
