"""How Numba compiles the kernels: once a machine, without the interpreter's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

# NaN and infinity keep their meaning; a sum may be taken in another order, as a matrix product's is
OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}
_HERE = Path(__file__).parent


def part(function: Callable[..., Any]) -> Any:
    """`function`, compiled as a part of the kernel that calls it."""
    return numba.njit(**OPTIONS)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """A part that becomes one with what calls it: vectors that it takes or gives stay in registers."""
    return numba.njit(forceinline=True, **OPTIONS)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """`function`, compiled when it is first called and kept on disk with all its parts."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = _CACHE
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # neither this folder nor the user's own can be written: each process compiles
        return part(function)
    finally:
        numba.config.CACHE_DIR = before


def _cache() -> str:
    """A folder for the sources as they are: of a kernel Numba sees changes in its own file, not in those that it
    calls."""
    sources = b"".join(file.read_bytes() for file in sorted(_HERE.glob("*.py")))
    return str(_HERE / "__pycache__" / f"kernels-{hashlib.sha256(sources).hexdigest()[:12]}")


_CACHE = _cache()
