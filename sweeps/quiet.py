"""Keras without the lines that TensorFlow writes while it starts."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType


def import_keras() -> ModuleType:
    """Keras, imported and with its first operation done; TensorFlow greets on standard error until then."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silent():
        import keras

        keras.ops.ones(())
    return keras  # type: ignore[no-any-return]


@contextlib.contextmanager
def _silent() -> Iterator[None]:
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
