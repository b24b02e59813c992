"""A bound on what the weights of one model may take, before they take it."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import keras

from sweeps.data.files import memory_limit

#: float32, each with its gradient and the two moments that Adam keeps
_BYTES = 4 * 4


@contextlib.contextmanager
def bounded_weights() -> Iterator[None]:
    """While the block runs, a layer's weight beyond the memory is an error where it would be made; the machine
    would begin to swap, or its kernel end some process.

    Raises:
        MemoryError: the weights made in the block would take more than half of the memory in training.
    """
    make = keras.layers.Layer.add_weight
    made = 0

    @functools.wraps(make)
    def add_weight(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += math.prod(shape or ())
        if made * _BYTES > (limit := memory_limit()):
            raise MemoryError(
                f"{made:,} weights, which take {made * _BYTES / 2**30:.1f} GiB of memory in training, where "
                f"{limit / 2**30:.1f} GiB (half of the memory) may be taken"
            )
        return make(self, shape, *args, **kwargs)

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = make
