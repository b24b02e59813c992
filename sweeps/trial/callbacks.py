"""`--callback`: a person's own callbacks, by name; a new one each trial."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras

from sweeps.errors import InputError, unknown
from sweeps.space.resolve import explain, import_source


def make_callbacks(names: Iterable[str]) -> list[keras.callbacks.Callback]:
    """What the functions (or Callback classes) of these names return.

    Raises:
        InputError: there is no such function, it raises, or what it returns is no Keras callback.
    """
    return [_make(name) for name in names]


def _make(name: str) -> keras.callbacks.Callback:
    place, _, attribute = name.rpartition(":")
    if not place:
        raise InputError(f"callback: module:function or path/to/file.py:function is wanted, got {name!r}")
    module = import_source(place, "a callback")
    if not hasattr(module, attribute):
        raise unknown(f"function in {place}", attribute, _functions(module))
    made: Callable[[], Any] = getattr(module, attribute)
    if not callable(made):
        raise InputError(f"callback: {name!r} must be a function or a Callback class, got {type(made).__name__}")
    try:
        callback = made()
    except Exception as wrong:  # whatever a person's function raises
        raise InputError(f"callback: {name!r} cannot be made: {explain(wrong)}") from wrong
    if not isinstance(callback, keras.callbacks.Callback):
        raise InputError(f"callback: {name!r} must give a keras.callbacks.Callback, got {type(callback).__name__}")
    return callback


def _functions(module: Any) -> list[str]:
    return [name for name, found in vars(module).items() if callable(found) and not name.startswith("_")]
