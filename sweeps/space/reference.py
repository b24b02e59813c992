"""How a space is referred to: by name, by itself, or packed as bytes that a worker opens once it has TensorFlow."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from sweeps.errors import InputError


@dataclass(frozen=True)
class PackedSpace:
    """A build function or a HyperModel, by value where it was defined in a notebook or a script, with the names that
    such classes and functions are registered under with Keras.

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
        registered = list(_registered()) if "keras" in sys.modules else []
        return cls(packed("space", (space, registered)))

    def open(self) -> Any:
        """The space, one object for all trials of a process."""
        return _open(self.content)


#: a build function or a HyperModel
Space = Callable[[Any], Any]
#: how a space is named to a worker: `mlp`, `module:function`, `file.py:function`, or itself, packed
SpaceRef = str | PackedSpace | Space


def is_own(space: str | Space) -> bool:
    """Whether a space is a person's own: an object, or a name with a colon, which registered ones have not."""
    return not isinstance(space, str) or ":" in space


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
    from keras.src.saving import object_registration as keras_names

    space, registered = pickle.loads(content)
    for name, its_name, thing in registered:
        found = _imported(*thing) if isinstance(thing, tuple) else thing
        if found is not None:
            keras_names.GLOBAL_CUSTOM_OBJECTS[name] = found
            if its_name is not None:
                keras_names.GLOBAL_CUSTOM_NAMES[found] = its_name
    return space


def _registered() -> Iterator[tuple[str, str | None, Any]]:
    """What Keras knows by name beside its own: the name, the one it is saved under, and the object itself, or where a
    process that has imported its module finds it.

    cloudpickle makes a class of `__main__` anew in the worker, where no decorator runs.
    """
    from keras.src.backend.common.global_state import get_global_attribute
    from keras.src.saving import object_registration as keras_names

    known = keras_names.GLOBAL_CUSTOM_OBJECTS | get_global_attribute("custom_objects_scope_dict", {})
    for name, thing in known.items():
        if not isinstance(thing, Hashable):
            continue
        its_name = keras_names.GLOBAL_CUSTOM_NAMES.get(thing)
        place = (getattr(thing, "__module__", ""), getattr(thing, "__qualname__", ""))
        if place[0] != "__main__" and _imported(*place) is thing:
            yield name, its_name, place
        elif _can_travel(thing):
            yield name, its_name, thing


def _imported(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _can_travel(thing: Any) -> bool:
    try:
        cloudpickle.dumps(thing)
    except Exception:  # whatever a person's object raises: the space may not need it
        return False
    return True
