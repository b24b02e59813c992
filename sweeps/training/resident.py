"""Arrays as tensors that stay in the process: the next trial on the same data copies nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# A table is an array a column, each of them small.
MAX_ARRAYS, SMALL_TOGETHER, MAX_SMALL = 32, 64_000_000, 2048


@dataclass(frozen=True)
class _Entry:
    source: np.ndarray[Any, Any]  # held, so that its memory cannot become another array's under the same key
    checksum: int
    tensor: Any


class ResidentArrays:
    """The tensors of the arrays used last, by the memory that they came from.

    An array keeps its type (uint8 stays uint8), except that floats become `keras.config.floatx()` as they do
    in Keras. An array that was changed in place since is converted again.

    Args:
        max_arrays: how many are kept, the ones used last.
        small_together: bytes; while all together have no more, more of them are kept.
    """

    def __init__(self, max_arrays: int = MAX_ARRAYS, small_together: int = SMALL_TOGETHER) -> None:
        self._max_arrays = max_arrays
        self._small_together = small_together
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def tensor(self, array: Any) -> Any:
        """`array` as a tensor of the same shape; a tensor is returned as it is (floats as `floatx`)."""
        if isinstance(array, tf.Tensor):
            return tf.cast(array, keras.config.floatx()) if array.dtype.is_floating else array
        source = np.asarray(array)
        key, checksum = _key(source), _checksum(source)
        with self._lock:
            entry = self._entries.pop(key, None)
            if entry is None or entry.checksum != checksum:
                entry = _Entry(source, checksum, _convert(source))
            self._entries[key] = entry
            while len(self._entries) > self._max_arrays and not self._are_small():
                self._entries.popitem(last=False)
        return entry.tensor

    def _are_small(self) -> bool:
        together = sum(entry.source.nbytes for entry in self._entries.values())
        return together <= self._small_together and len(self._entries) <= MAX_SMALL

    def holds(self, array: Any) -> bool:
        """Whether `array` needs no further memory."""
        return isinstance(array, tf.Tensor) or _key(np.asarray(array)) in self._entries

    def clear(self) -> None:
        """Forget all arrays."""
        with self._lock:
            self._entries.clear()


def _key(array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    return array.ctypes.data, array.shape, array.strides, array.dtype.str, keras.config.floatx()


def _convert(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "f":
        array = array.astype(keras.config.floatx(), copy=False)
    with tf.device("CPU:0"):
        return tf.constant(array)


def _checksum(array: np.ndarray[Any, Any]) -> int:
    """A sum over all bytes (2 ms for 40 MB), so that an array changed in place is noticed."""
    if not array.flags.writeable or array.size == 0:
        return 0
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = flat.size // 8 * 8
    words = flat[:whole].view(np.uint64)
    # The sum alone would not see rows that changed places; the sampled words do.
    sample = words[:: max(1, words.size // 4096)]
    return hash((int(words.sum()), flat[whole:].tobytes(), sample.tobytes()))


RESIDENT = ResidentArrays()


def keep_resident(arrays: Any) -> None:
    """Make tensors of nested arrays (None among them) before they are trained on; what is text stays as it is."""
    for array in keras.tree.flatten(arrays):
        if array is not None and array.dtype.kind in "biuf":
            RESIDENT.tensor(array)
