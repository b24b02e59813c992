"""How Numba compiles: once a machine, without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from sweeps.dense_kernels import cache

# NaN and infinity keep their meaning; a sum may be taken in another order, as a matrix product's is
OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}


def jit(function: Callable[..., Any]) -> Any:
    """`function`, compiled as a part of the kernel that calls it."""
    return numba.njit(**OPTIONS)(function)


def jit_inlined(function: Callable[..., Any]) -> Any:
    """As `jit`, and made one with what calls it: vectors that it takes or returns stay in registers."""
    return numba.njit(forceinline=True, **OPTIONS)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """`function`, compiled when it is first called and kept on disk with all that it calls."""
    folder = cache.folder()
    if folder is None:  # each process compiles
        return jit(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # Numba finds that it cannot write there
        return jit(function)
    finally:
        numba.config.CACHE_DIR = before
