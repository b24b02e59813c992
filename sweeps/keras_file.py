"""Models from `.keras` files, those with classes of their own too."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sweeps import selection
from sweeps.errors import CorruptStore, InputError
from sweeps.quiet import import_keras
from sweeps.study import IDENTITY


def load_keras_file(file: Path, study: str) -> Any:
    """A `keras.Model` from its file, in Keras's safe mode.

    Where it has classes of its own, those are looked for in the registered spaces and in the space of the
    study, which is taken from this workspace: a file from elsewhere cannot name code to run.

    Raises:
        InputError: a class of the model is nowhere to be found, or safe mode refuses what it holds.
        CorruptStore: it is no `.keras` file.
    """
    if not zipfile.is_zipfile(file):
        raise CorruptStore(f"{file} is no .keras file, or damaged")
    keras = import_keras()
    definitions: list[Callable[[], None]] = [_import_registry, lambda: _import_space(study)]
    unknown: TypeError | None = None
    for define in (None, *definitions):
        if define is not None:
            define()
        try:
            return keras.saving.load_model(file, safe_mode=True)
        except TypeError as wrong:
            if "Could not locate" not in str(wrong):
                raise _refused(file, wrong) from None
            unknown = wrong
        except (ValueError, KeyError, AttributeError, OSError) as wrong:
            raise _refused(file, wrong) from None
    raise InputError(f"a class of the model is not known: {str(unknown).partition('. ')[0]}; import what defines it")


def _refused(file: Path, wrong: Exception) -> InputError:
    reason = (str(wrong).splitlines() or [type(wrong).__name__])[0]
    return InputError(f"{file} is refused in Keras's safe mode: {reason[:300]}")


def _import_registry() -> None:
    importlib.import_module("search_spaces.registry")


def _import_space(study: str) -> None:
    """Run the code of a person's own space: its classes are registered then."""
    from sweeps.spaces import import_place

    try:
        space = str(selection.open_study(study).user_attrs[IDENTITY]["space"])
        place = space.rpartition(":")[0]
        if not place:
            raise InputError(f"{space!r} is no file and no module; import what defines it, then load the model")
        import_place(place)
    except InputError as missing:
        raise InputError(f"the model has a class of its own, defined by the space of {study!r}: {missing}") from None
