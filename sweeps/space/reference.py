"""References to a space: a name, the object itself, or its pickle, which a worker loads once it has TensorFlow."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from sweeps.errors import InputError
from sweeps.space.shipped import ShippedSpace


@dataclass(frozen=True)
class PackedSpace:
    """A pickled build function or HyperModel, together with the custom objects registered with Keras.

    Code from a notebook or a script is pickled by value. The pickle is loaded late: a worker imports TensorFlow in one
    thread while another receives its first task, whose code would import Keras half-initialized.
    """

    content: bytes

    @classmethod
    def of(cls, space: Any) -> PackedSpace:
        """Pickle a space.

        Raises:
            InputError: it cannot be pickled.
        """
        registered = list(_registered()) if "keras" in sys.modules else []
        return cls(packed("space", (space, registered)))

    def open(self) -> Any:
        """The space; the same object for all trials of a process."""
        return _open(self.content)


#: a build function or a HyperModel
Space = Callable[[Any], Any]
#: how workers get a space: as `mlp`, `module:function`, `file.py:function`, its sources, or pickled
SpaceRef = str | PackedSpace | ShippedSpace | Space


def is_own(space: str | Space) -> bool:
    """Whether a space is the user's own: an object, or a name with a colon, unlike those of registered spaces."""
    return not isinstance(space, str) or ":" in space


def packed(label: str, value: Any) -> bytes:
    """Pickle a value for a worker.

    Raises:
        InputError: it holds a lock, an open file, a generator or another object that cannot be pickled.
    """
    try:
        return bytes(cloudpickle.dumps(value))
    except Exception as error:  # user code may raise anything
        raise InputError(
            f"{label}: must be picklable, since trials run in other processes; {type(error).__name__}: {error}"
        ) from error


@lru_cache(maxsize=1)
def _open(content: bytes) -> Any:
    from keras.src.saving import object_registration

    space, registered = pickle.loads(content)
    for name, registered_name, reference in registered:
        value = _imported(*reference) if isinstance(reference, tuple) else reference
        if value is not None:
            object_registration.GLOBAL_CUSTOM_OBJECTS[name] = value
            if registered_name is not None:
                object_registration.GLOBAL_CUSTOM_NAMES[value] = registered_name
    return space


def _registered() -> Iterator[tuple[str, str | None, Any]]:
    """Keras's custom objects: name, registered name, and the object, or the module and name to import it from.

    cloudpickle recreates a class of `__main__` in the worker without running its decorators.
    """
    from keras.src.backend.common.global_state import get_global_attribute
    from keras.src.saving import object_registration

    known = object_registration.GLOBAL_CUSTOM_OBJECTS | get_global_attribute("custom_objects_scope_dict", {})
    for name, value in known.items():
        if not isinstance(value, Hashable):
            continue
        registered_name = object_registration.GLOBAL_CUSTOM_NAMES.get(value)
        source = (getattr(value, "__module__", ""), getattr(value, "__qualname__", ""))
        if source[0] != "__main__" and _imported(*source) is value:
            yield name, registered_name, source
        elif _is_picklable(value):
            yield name, registered_name, value


def _imported(module: str, qualname: str) -> Any:
    value: Any = sys.modules.get(module)
    for part in qualname.split("."):
        value = getattr(value, part, None)
    return value


def _is_picklable(value: Any) -> bool:
    try:
        packed("custom object", value)
    except InputError:  # the space may not need it
        return False
    return True
