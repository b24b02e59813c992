"""A bound on what the weights of one model may take, before they take it."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import keras

from sweeps.system.file_checks import memory_limit

#: float32, each with its gradient and the two moments that Adam keeps
_BYTES = 4 * 4


@contextlib.contextmanager
def bounded_weights(shared: bool = False) -> Iterator[None]:
    """While the block runs, a layer's weight beyond the memory is an error where it would be made; the machine
    would begin to swap, or its kernel end some process.

    Args:
        shared: weights of one shape are one and the same. That takes half of the time, for a model that is only to
            say what it is made of.

    Raises:
        MemoryError: the weights made in the block would take more than half of the memory in training.
    """
    make = keras.layers.Layer.add_weight
    made, known = 0, {}

    @functools.wraps(make)
    def add_weight(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made += math.prod(shape or ())
        if made * _BYTES > (limit := memory_limit()):
            raise MemoryError(
                f"{made:,} weights, which take {made * _BYTES / 2**30:.1f} GiB of memory in training, where "
                f"{limit / 2**30:.1f} GiB (half of the memory) may be taken"
            )
        if not shared:
            return make(self, shape, *args, **kwargs)
        kind = (*(shape or ()), kwargs.get("dtype"), self.variable_dtype)
        if kind not in known:
            known[kind] = make(self, shape, *args, **kwargs)
        self._track_variable(known[kind])
        return known[kind]

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = make
