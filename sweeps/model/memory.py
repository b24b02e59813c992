"""A limit on the memory of a model's weights, checked before it is allocated."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from typing import Any

import keras

from sweeps.system.file_checks import memory_limit

#: per weight: float32, its gradient and Adam's two moments
_BYTES = 4 * 4


@contextlib.contextmanager
def bounded_weights(shared: bool = False) -> Iterator[None]:
    """Limit the weights of the layers that are built in the block: without a limit the machine would swap, or its
    kernel kill a process.

    Args:
        shared: let weights of the same shape and dtype be one variable. This takes half the time, for a model that is
            not trained.

    Raises:
        MemoryError: the training of the weights would take more than half of the memory.
    """
    original = keras.layers.Layer.add_weight
    total, known = 0, {}

    @functools.wraps(original)
    def add_weight(self: Any, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal total
        total += math.prod(shape or ())
        if total * _BYTES > (limit := memory_limit()):
            raise MemoryError(
                f"{total:,} weights, which take {total * _BYTES / 2**30:.1f} GiB of memory in training, where "
                f"{limit / 2**30:.1f} GiB (half of the memory) may be taken"
            )
        if not shared:
            return original(self, shape, *args, **kwargs)
        key = (*(shape or ()), kwargs.get("dtype"), self.variable_dtype)
        if key not in known:
            known[key] = original(self, shape, *args, **kwargs)
        self._track_variable(known[key])
        return known[key]

    keras.layers.Layer.add_weight = add_weight
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = original
