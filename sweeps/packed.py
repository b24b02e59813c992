"""How a space that is an object travels to the workers: as bytes, opened once TensorFlow is imported."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from sweeps.errors import InputError


@dataclass(frozen=True)
class PackedSpace:
    """A build function or a HyperModel, by value where it was defined in a notebook or a script.

    A worker imports TensorFlow in one thread while another receives its first task: code that imported Keras
    while it was received would meet it half imported.
    """

    content: bytes

    @classmethod
    def of(cls, space: Any) -> PackedSpace:
        """Pack a space.

        Raises:
            InputError: it holds what cannot be sent to another process.
        """
        return cls(packed("space", space))

    def open(self) -> Any:
        """The space, one object for all trials of a process."""
        return _open(self.content)


def packed(what: str, thing: Any) -> bytes:
    """`thing` as bytes that a worker can open.

    Raises:
        InputError: it holds what cannot be sent to another process: a lock, an open file, a generator, …
    """
    try:
        return bytes(cloudpickle.dumps(thing))
    except Exception as wrong:  # whatever a person's object raises
        raise InputError(
            f"{what}: must be picklable, since trials run in other processes; {type(wrong).__name__}: {wrong}"
        ) from wrong


@lru_cache(maxsize=1)
def _open(content: bytes) -> Any:
    return pickle.loads(content)
