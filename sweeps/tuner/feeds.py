"""Data that is no array in memory: tf.data, PyDataset, sparse matrices; sent to workers as it is.

The engine itself sees the first batch, which describes the data.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import pickle
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import keras
import numpy as np
import tensorflow as tf

from sweeps.data.dataset import Array
from sweeps.errors import InputError

#: the arguments of `search` that hold data
DATA = ("x", "y", "sample_weight", "validation_data")
_ROWS = 15


class StaysHere(InputError):
    """The data cannot be sent to another process."""


@dataclass(frozen=True)
class Feed:
    """The arguments of `search` that hold data, as they were given.

    Attributes:
        arguments: by name; only where they were given.
        file: where workers find them, pickled; "" before they are sent.
    """

    arguments: Mapping[str, Any] = field(repr=False, compare=False)
    file: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Only the file's name travels with a task; a worker reads the file once."""
        return _of_file, (self.file,)

    @contextlib.contextmanager
    def sent(self) -> Iterator[Feed]:
        """A copy that workers can read while the block runs.

        Raises:
            StaysHere: some of it cannot be pickled.
        """
        with tempfile.TemporaryDirectory(prefix="sweeps-data-") as folder:
            file = Path(folder) / "data.pickle"
            try:
                with file.open("wb") as stream:
                    _Pickler(stream).dump(dict(self.arguments))
            except Exception as error:  # user code may raise anything
                raise StaysHere(f"the data cannot be sent to other processes: {_reason(error)}") from None
            yield Feed(self.arguments, str(file))

    def brief(self) -> dict[str, Any]:
        """The arguments with the first batch or rows of each only, and one step where all of it is passed."""
        short = {name: _brief(name, value) for name, value in self.arguments.items()}
        return {name: value for name, value in short.items() if value is not None or name == "y"}


@lru_cache(maxsize=1)
def _read(file: str) -> Mapping[str, Any]:
    with Path(file).open("rb") as stream:
        read: dict[str, Any] = pickle.load(stream)
    return read


def _of_file(file: str) -> Feed:
    return Feed(_Late(file), file)


class _Late(Mapping[str, Any]):
    """The arguments of a file, which is read when the first is asked for: a finished search has no file any more."""

    def __init__(self, file: str) -> None:
        self.file = file

    def __getitem__(self, name: str) -> Any:
        return _read(self.file)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_read(self.file))

    def __len__(self) -> int:
        return len(_read(self.file))


def is_feed(value: Any) -> bool:
    """Whether this holds rows, but is no array in memory."""
    if isinstance(value, (tf.data.Dataset, keras.utils.PyDataset, tf.RaggedTensor, tf.SparseTensor)):
        return True
    if inspect.isgenerator(value) or hasattr(value, "toarray"):
        return True
    return hasattr(value, "__next__") or type(value).__module__.startswith("torch.utils.data")


def first_batch(value: Any) -> tuple[Any, Any, Any]:
    """`x`, `y` and `sample_weight` of the first batch, as arrays.

    Raises:
        StaysHere: a generator would lose it.
        InputError: there is none, or it has no target.
    """
    if isinstance(value, keras.utils.PyDataset):
        batch = value[0]
    elif hasattr(value, "__next__"):
        raise StaysHere("a generator cannot be sent to other processes")
    else:
        batch = next(iter(value), None)
    if batch is None:
        raise InputError(f"search: data with one batch at least is needed, got an empty {type(value).__name__}")
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    if y is None:
        raise StaysHere("batches without a target are known to the model alone")
    x, y, weight = (None if part is None else tf.nest.map_structure(as_numpy, part) for part in (x, y, weight))
    return x, y, weight


def as_numpy(value: Any) -> Array:
    """An array of what a batch holds; text of TensorFlow, which is bytes, as text."""
    if isinstance(value, (tf.SparseTensor, tf.RaggedTensor)):
        value = tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value.to_tensor()
    elif hasattr(value, "toarray"):
        value = value.toarray()
    array = np.asarray(value)
    if array.dtype.kind in "OS":
        return np.char.decode(array.astype(np.bytes_), "utf-8")
    return array


def head(value: Any) -> Any:
    """The first rows of an array, a frame or a sparse matrix."""
    value = value.tocsr() if hasattr(value, "tocsr") else value
    return value.iloc[:_ROWS] if hasattr(value, "iloc") else value[:_ROWS]


def digest_of(arguments: Mapping[str, Any]) -> str:
    """32 hexadecimal digits over kinds, shapes and numbers of batches: what is the same when a script runs again.

    The rows themselves may come in another order each time.
    """
    described = [(name, _described(value)) for name, value in sorted(arguments.items())]
    return hashlib.sha256(repr(described).encode()).hexdigest()[:32]


def _described(value: Any) -> Any:
    if isinstance(value, tf.data.Dataset):
        return str(value.element_spec), int(value.cardinality())
    if isinstance(value, keras.utils.PyDataset):
        return type(value).__name__, value.num_batches
    if isinstance(value, (tuple, list)):
        return [_described(each) for each in value]
    if isinstance(value, Mapping):
        return [(name, _described(each)) for name, each in value.items()]
    return type(value).__name__, tuple(getattr(value, "shape", ()))


def _brief(name: str, value: Any) -> Any:
    if isinstance(value, tf.data.Dataset):
        return value.take(1)
    if isinstance(value, keras.utils.PyDataset):
        short = copy.copy(value)
        short.__class__ = _one_batch(type(value))
        return short
    if isinstance(value, (tuple, list)) and (name == "validation_data" or _is_listed(value)):
        return type(value)(_brief("", each) for each in value)
    if isinstance(value, Mapping):
        return {key: _brief("", each) for key, each in value.items()}
    return value if value is None or hasattr(value, "__next__") else head(value)


def _is_listed(value: Any) -> bool:
    """Whether this is a list of arrays, not one of numbers."""
    return all(getattr(each, "ndim", 0) > 0 for each in value)


def _one_batch(kind: type) -> type:
    """The same class, with its first batch only."""
    one = property(lambda self: 1)
    return type(kind.__name__, (kind,), {"__len__": lambda self: 1, "num_batches": one})


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, and tf.data's own form of a Dataset: its graph, with the arrays that it was made of."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, tf.data.Dataset):
            return _dataset, (_graph(value), value.element_spec)
        return super().reducer_override(value)


def _graph(dataset: tf.data.Dataset) -> bytes:
    """The graph of a Dataset.

    Raises:
        StaysHere: a part of it is Python code.
    """
    content: bytes = tf.raw_ops.DatasetToGraphV2(
        # stateful functions (random numbers, files) are what they are in each process
        input_dataset=dataset._variant_tensor,
        external_state_policy=1,
        strip_device_assignment=True,
    ).numpy()
    graph = tf.compat.v1.GraphDef.FromString(content)
    functions = [node for function in graph.library.function for node in function.node_def]
    if any("PyFunc" in node.op for node in [*graph.node, *functions]):
        raise StaysHere("a tf.data.Dataset of a Python function (from_generator, py_function) runs where it was made")
    return content


def _dataset(graph: bytes, spec: Any) -> tf.data.Dataset:
    return tf.data.experimental.from_variant(tf.raw_ops.DatasetFromGraph(graph_def=graph), spec)


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= 200 else f"{said[:200]}…"
