"""How a space with a person's own code travels: as bytes that are opened once TensorFlow is imported.

A worker imports TensorFlow in a thread while it waits for its first task. Code that imported Keras while it is
unpickled in another thread would meet it half imported.
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from sweeps.tasks import warm_up


def closed(content: Any) -> bytes:
    """The content by value where it was defined in a notebook or a script, by reference where in a module."""
    packed: bytes = cloudpickle.dumps(content)
    return packed


@lru_cache(maxsize=1)
def opened(packed: bytes) -> Any:
    """The content, one object for all trials of a worker."""
    warm_up()
    make, *arguments = pickle.loads(packed)
    return make(*arguments)
