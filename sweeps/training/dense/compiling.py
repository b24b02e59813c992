"""How Numba compiles the kernels: once a machine, without the interpreter's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

# NaN and infinity keep their meaning; a sum may be taken in another order, as a matrix product's is
FLAGS = {"reassoc", "contract", "arcp", "nsz"}
_HERE = Path(__file__).parent


def kernel(function: Callable[..., Any]) -> Any:
    """`function`, compiled when it is first called and kept on disk."""
    options = {"nogil": True, "fastmath": FLAGS, "error_model": "numpy"}
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _CACHE
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's own can be written: each process compiles
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = before


def _cache() -> str:
    """A folder for the sources as they are: of a kernel Numba sees changes in its own file, not in those that it
    calls."""
    sources = b"".join(file.read_bytes() for file in sorted(_HERE.glob("*.py")))
    return str(_HERE / "__pycache__" / f"kernels-{hashlib.sha256(sources).hexdigest()[:12]}")


_CACHE = _cache()
