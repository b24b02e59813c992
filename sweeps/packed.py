"""How a space that is an object travels to the workers: as bytes, opened once TensorFlow is imported."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cloudpickle  # type: ignore[import-untyped]


@dataclass(frozen=True)
class PackedSpace:
    """A build function or a HyperModel, by value where it was defined in a notebook or a script.

    A worker imports TensorFlow in one thread while another receives its first task: code that imported Keras
    while it was received would meet it half imported.
    """

    content: bytes

    @classmethod
    def of(cls, space: Any) -> PackedSpace:
        """Pack a space."""
        return cls(cloudpickle.dumps(space))

    def open(self) -> Any:
        """The space, one object for all trials of a process."""
        return _open(self.content)


@lru_cache(maxsize=1)
def _open(content: bytes) -> Any:
    return pickle.loads(content)
