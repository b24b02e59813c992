"""Digests of a space that is an object: of the code and the values that it refers to.

Functions are read as compiled code, which is what a trial runs: this covers lambdas, functions that a notebook has
redefined, and modules that were edited after their import.
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

from sweeps.space.source_digests import digest, is_user_code

#: attributes with the wrapped function of `functools.lru_cache` and `tf.function`
_WRAPPED = {"__wrapped__", "_python_function"}


def object_parts(space: Any) -> dict[str, str]:
    """The digest of each of the user's functions, classes and values that `space` refers to, by name.

    The attribute `authored` of a HyperModel replaces the object itself. Comments, docstrings and formatting do not
    count; neither does the state of a library's objects, unless they have a configuration.
    """
    reader = _Reader()
    shape = reader.value(getattr(space, "authored", space))
    parts = {name: digest(sorted(map(digest, shapes))) for name, shapes in reader.parts.items()}
    return {"the space itself": digest(shape)} | parts


class _Reader:
    def __init__(self) -> None:
        self.parts: dict[str, list[Any]] = {}
        self._seen: set[int] = set()  # ids of functions, classes and modules, which outlive the reader
        self._within: set[int] = set()  # ids of containers and objects being read: they may be cyclic

    def value(self, obj: Any) -> Any:
        """A JSON value that is equal for equal objects in every process."""
        if obj is None or isinstance(obj, bool | int | float | complex | str | bytes | np.generic):
            return repr(obj)
        if isinstance(obj, enum.Enum):
            return str(obj)
        if isinstance(obj, types.CodeType):
            return self._code(obj)
        if isinstance(obj, np.ndarray):
            content = obj.shape if obj.dtype.hasobject else hashlib.sha256(obj.tobytes()).hexdigest()
            return [str(obj.dtype), obj.shape, content]
        if isinstance(obj, types.FunctionType | type | types.ModuleType):
            return self._definition(obj)
        if id(obj) in self._within:
            return "itself"
        self._within.add(id(obj))
        try:
            return self._object(obj)
        finally:
            self._within.remove(id(obj))

    def _definition(self, obj: Any) -> str:
        if id(obj) in self._seen:
            return str(getattr(obj, "__qualname__", obj.__name__))
        self._seen.add(id(obj))
        if isinstance(obj, types.FunctionType) and is_user_code(obj.__code__.co_filename):
            self._function(obj)
        elif isinstance(obj, type) and _is_user_class(obj):
            self._class(obj)
        return str(getattr(obj, "__qualname__", obj.__name__))

    def _object(self, obj: Any) -> Any:
        if isinstance(obj, dict | types.MappingProxyType):
            return sorted(([self.value(key), self.value(each)] for key, each in obj.items()), key=repr)
        if isinstance(obj, set | frozenset):
            return sorted(map(self.value, obj), key=repr)
        if isinstance(obj, list | tuple):
            return [self.value(each) for each in obj]
        if isinstance(obj, functools.partial):
            return ["partial", self.value(obj.func), self.value(obj.args), self.value(obj.keywords)]
        if isinstance(obj, types.MethodType):
            return ["method", self.value(obj.__func__), self.value(obj.__self__)]
        if isinstance(obj, staticmethod | classmethod):
            return [type(obj).__name__, self.value(obj.__func__)]
        if isinstance(obj, property):
            return ["property", self.value(obj.fget)]
        return self._instance(obj)

    def _instance(self, obj: Any) -> Any:
        kind = type(obj)
        if _is_user_class(kind) or kind.__module__.partition(".")[0] == "keras_tuner":
            return [self.value(kind), self.value(getattr(obj, "__dict__", {}))]
        shape = [kind.__qualname__]
        for inner in _WRAPPED & vars(obj).keys() if hasattr(obj, "__dict__") else ():
            shape.append(self.value(vars(obj)[inner]))
        # an optimizer, a loss, a regularizer; the names of layers and models depend on those made before
        if hasattr(kind, "get_config") and not hasattr(kind, "trainable_weights"):
            with contextlib.suppress(Exception):  # a library's object may raise anything
                shape.append(self.value({key: each for key, each in obj.get_config().items() if key != "name"}))
        return shape

    def _function(self, function: types.FunctionType) -> None:
        shape = [self._code(function.__code__), self.value(function.__defaults__), self.value(function.__kwdefaults__)]
        self.parts.setdefault(function.__qualname__, []).append(shape)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # an empty cell
                self._named(name, cell.cell_contents)
        for name in sorted(set(_names(function.__code__, "LOAD_GLOBAL", "LOAD_NAME")) & function.__globals__.keys()):
            found = function.__globals__[name]
            if isinstance(found, types.ModuleType) and is_user_code(getattr(found, "__file__", None) or "<frozen>"):
                for part in sorted(set(_names(function.__code__, "LOAD_ATTR", "LOAD_METHOD")) & vars(found).keys()):
                    self._named(part, vars(found)[part])
            else:
                self._named(name, found)

    def _named(self, name: str, obj: Any) -> None:
        shape = self.value(obj)
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
        """Its instructions without jump targets and NOPs, which depend on line numbers."""
        steps: list[Any] = []
        for step in dis.get_instructions(code):
            if step.opname in ("NOP", "EXTENDED_ARG"):
                continue
            is_jump = step.opcode in dis.hasjrel or step.opcode in dis.hasjabs
            steps.append([step.opname, None if is_jump else self.value(step.argval)])
            if step.opname == "STORE_NAME" and step.argval in ("__doc__", "__firstlineno__"):
                del steps[-2:]
        return [code.co_argcount, code.co_kwonlyargcount, code.co_posonlyargcount, code.co_varnames, steps]


def _names(code: types.CodeType, *operations: str) -> Iterator[str]:
    yield from (step.argval for step in dis.get_instructions(code) if step.opname in operations)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant, *operations)


def _is_user_class(kind: type) -> bool:
    module = sys.modules.get(kind.__module__)
    return kind.__module__ == "__main__" or is_user_code(getattr(module, "__file__", None) or "<frozen>")
