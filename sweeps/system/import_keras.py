"""Keras without the lines that TensorFlow writes while it starts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType

from sweeps.errors import InputError


def import_keras() -> ModuleType:
    """Keras, imported and with its first operation done; TensorFlow greets on standard error until then.

    Raises:
        InputError: see `require_tensorflow`.
    """
    require_tensorflow()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silent():
        import keras

        keras.ops.ones(())
    return keras  # type: ignore[no-any-return]


def require_tensorflow() -> None:
    """Have Keras compute with TensorFlow, here and in the processes that this one starts.

    A backend that `keras.json` names is set aside: that file holds for other programs, too.

    Raises:
        InputError: the environment asks for another backend, or Keras was imported with one.
    """
    if "keras" in sys.modules:
        found, how = sys.modules["keras"].config.backend(), "Keras was imported with"
    else:
        found, how = os.environ.get("KERAS_BACKEND") or "tensorflow", "KERAS_BACKEND is"
    if found != "tensorflow":
        raise InputError(
            f"Keras's backend must be TensorFlow, {how} {found!r}\nSet KERAS_BACKEND=tensorflow, or unset it"
        )
    os.environ["KERAS_BACKEND"] = "tensorflow"


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Nothing is written to standard error's file descriptor, which C++ code writes to directly."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
