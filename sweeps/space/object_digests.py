"""A space that is an object, as digests of the code and the values that it is made of.

Its functions are taken as compiled, not as text: what a notebook has redefined, a lambda and a module that was edited
after its import are then exactly what a trial runs.
"""

from __future__ import annotations

import contextlib
import dis
import enum
import functools
import hashlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from sweeps.space.source_digests import digest, is_own

#: where `functools.lru_cache` and `tf.function` keep the function that they stand for
_WRAPPED = {"__wrapped__", "_python_function"}


def object_parts(space: Any) -> dict[str, str]:
    """The digest of each function, class and value of a person's own that `space` refers to, by name.

    A HyperModel that stands for more than itself says so by `authored`. Comments, docstrings and the layout do not
    count. Of objects of other kinds only the type does.
    """
    reader = _Reader()
    shape = reader.value(getattr(space, "authored", space))
    parts = {name: digest(sorted(map(digest, shapes))) for name, shapes in reader.parts.items()}
    return {"the space itself": digest(shape)} | parts


class _Reader:
    def __init__(self) -> None:
        self.parts: dict[str, list[Any]] = {}
        self._seen: set[int] = set()  # functions, classes and modules: what holds them lives on
        self._within: set[int] = set()  # containers and objects that are being read: they may hold themselves

    def value(self, thing: Any) -> Any:
        """What JSON can hold, equal for equal things in every process."""
        if thing is None or isinstance(thing, bool | int | float | complex | str | bytes | np.generic):
            return repr(thing)
        if isinstance(thing, enum.Enum):
            return str(thing)
        if isinstance(thing, types.CodeType):
            return self._code(thing)
        if isinstance(thing, np.ndarray):
            content = thing.shape if thing.dtype.hasobject else hashlib.sha256(thing.tobytes()).hexdigest()
            return [str(thing.dtype), thing.shape, content]
        if isinstance(thing, types.FunctionType | type | types.ModuleType):
            return self._definition(thing)
        if id(thing) in self._within:
            return "itself"
        self._within.add(id(thing))
        try:
            return self._object(thing)
        finally:
            self._within.remove(id(thing))

    def _definition(self, thing: Any) -> str:
        if id(thing) in self._seen:
            return str(getattr(thing, "__qualname__", thing.__name__))
        self._seen.add(id(thing))
        if isinstance(thing, types.FunctionType) and is_own(thing.__code__.co_filename):
            self._function(thing)
        elif isinstance(thing, type) and _is_own_class(thing):
            self._class(thing)
        return str(getattr(thing, "__qualname__", thing.__name__))

    def _object(self, thing: Any) -> Any:
        if isinstance(thing, dict | types.MappingProxyType):
            return sorted(([self.value(key), self.value(each)] for key, each in thing.items()), key=repr)
        if isinstance(thing, set | frozenset):
            return sorted(map(self.value, thing), key=repr)
        if isinstance(thing, list | tuple):
            return [self.value(each) for each in thing]
        if isinstance(thing, functools.partial):
            return ["partial", self.value(thing.func), self.value(thing.args), self.value(thing.keywords)]
        if isinstance(thing, types.MethodType):
            return ["method", self.value(thing.__func__), self.value(thing.__self__)]
        if isinstance(thing, staticmethod | classmethod):
            return [type(thing).__name__, self.value(thing.__func__)]
        if isinstance(thing, property):
            return ["property", self.value(thing.fget)]
        return self._instance(thing)

    def _instance(self, thing: Any) -> Any:
        kind = type(thing)
        if _is_own_class(kind) or kind.__module__.partition(".")[0] == "keras_tuner":
            return [self.value(kind), self.value(getattr(thing, "__dict__", {}))]
        shape = [kind.__qualname__]
        for inner in _WRAPPED & vars(thing).keys() if hasattr(thing, "__dict__") else ():
            shape.append(self.value(vars(thing)[inner]))
        # an optimizer, a loss, a regularizer; layers and models have names that hang on what was made before
        if hasattr(kind, "get_config") and not hasattr(kind, "trainable_weights"):
            with contextlib.suppress(Exception):  # whatever an object of a library raises
                shape.append(self.value({key: each for key, each in thing.get_config().items() if key != "name"}))
        return shape

    def _function(self, function: types.FunctionType) -> None:
        shape = [self._code(function.__code__), self.value(function.__defaults__), self.value(function.__kwdefaults__)]
        self.parts.setdefault(function.__qualname__, []).append(shape)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # an empty one
                self._named(name, cell.cell_contents)
        for name in sorted(set(_names(function.__code__, "LOAD_GLOBAL", "LOAD_NAME")) & function.__globals__.keys()):
            found = function.__globals__[name]
            if isinstance(found, types.ModuleType) and is_own(getattr(found, "__file__", None) or "<frozen>"):
                for part in sorted(set(_names(function.__code__, "LOAD_ATTR", "LOAD_METHOD")) & vars(found).keys()):
                    self._named(part, vars(found)[part])
            else:
                self._named(name, found)

    def _named(self, name: str, thing: Any) -> None:
        shape = self.value(thing)
        known = self.parts.setdefault(name, [])
        if shape not in known:
            known.append(shape)

    def _class(self, kind: type) -> None:
        shape: list[Any] = [self.value(base) for base in kind.__bases__]
        for name, member in sorted(vars(kind).items()):
            code = member.__func__ if isinstance(member, staticmethod | classmethod) else member
            if not name.startswith("__") or isinstance(code, types.FunctionType):
                shape.append([name, self.value(member)])
        self.parts.setdefault(kind.__qualname__, []).append(shape)

    def _code(self, code: types.CodeType) -> Any:
        """Its instructions without places: lines move jumps and leave NOPs."""
        steps: list[Any] = []
        for step in dis.get_instructions(code):
            if step.opname in ("NOP", "EXTENDED_ARG"):
                continue
            is_place = step.opcode in dis.hasjrel or step.opcode in dis.hasjabs
            steps.append([step.opname, None if is_place else self.value(step.argval)])
            if step.opname == "STORE_NAME" and step.argval in ("__doc__", "__firstlineno__"):
                del steps[-2:]
        return [code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_varnames, steps]


def _names(code: types.CodeType, *operations: str) -> Iterator[str]:
    yield from (step.argval for step in dis.get_instructions(code) if step.opname in operations)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant, *operations)


def _is_own_class(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return kind.__module__ == "__main__" or is_own(getattr(module, "__file__", None) or "<frozen>")
