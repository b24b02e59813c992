"""Tensors of arrays, cached in the process: the next trial on the same data copies nothing."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# a table has one array for each column, each of them small: more than MAX_ARRAYS are kept while they are small
MAX_ARRAYS, SMALL_TOGETHER, MAX_SMALL = 32, 64_000_000, 2048


@dataclass(frozen=True)
class _Entry:
    source: np.ndarray[Any, Any]  # a reference, so that its memory cannot be reused by another array with the same key
    checksum: int
    tensor: Any


class ResidentArrays:
    """A cache of tensors of the arrays that were used last, by the arrays' memory.

    An array keeps its dtype (uint8 stays uint8), except that floats become `keras.config.floatx()`, as in Keras. An
    array that was changed in place is converted again.

    Args:
        max_arrays: the number of arrays that are kept.
        small_together: up to so many bytes in total, more than `max_arrays` are kept.
    """

    def __init__(self, max_arrays: int = MAX_ARRAYS, small_together: int = SMALL_TOGETHER) -> None:
        self._max_arrays = max_arrays
        self._small_together = small_together
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def tensor(self, array: Any) -> Any:
        """The tensor of an array, of the same shape; a tensor is returned as it is (floats as `floatx`)."""
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
        """Whether the tensor of `array` is cached, so that it needs no further memory."""
        return isinstance(array, tf.Tensor) or _key(np.asarray(array)) in self._entries

    def clear(self) -> None:
        """Remove all arrays."""
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
    """A checksum of all bytes (2 ms for 40 MB), which detects changes in place."""
    if not array.flags.writeable or array.size == 0:
        return 0
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    end_of_words = flat.size // 8 * 8
    words = flat[:end_of_words].view(np.uint64)
    # the sum does not detect rows that were swapped; the sampled words do
    sample = words[:: max(1, words.size // 4096)]
    return hash((int(words.sum()), flat[end_of_words:].tobytes(), sample.tobytes()))


RESIDENT = ResidentArrays()


def keep_resident(arrays: Any) -> None:
    """Cache the tensors of nested numeric arrays before they are trained on; None and text are skipped."""
    for array in keras.tree.flatten(arrays):
        if array is not None and array.dtype.kind in "biuf":
            RESIDENT.tensor(array)
