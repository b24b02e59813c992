"""Numba's options: kernels run without the interpreter lock and are compiled once on a machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from sweeps.dense_kernels import cache

# NaN and infinity keep their meaning; sums may be reordered, as in any matrix product
OPTIONS = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}


def jit(function: Callable[..., Any]) -> Any:
    """Compile `function` as part of the kernel that calls it."""
    return numba.njit(**OPTIONS)(function)


def jit_inlined(function: Callable[..., Any]) -> Any:
    """As `jit`, and inlined into its caller: vectors that are passed or returned stay in registers."""
    return numba.njit(forceinline=True, **OPTIONS)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile `function` with all that it calls on its first call, and cache it on disk."""
    folder = cache.folder()
    if folder is None:  # no disk cache: each process compiles
        return jit(function)
    previous = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # Numba cannot write to the folder
        return jit(function)
    finally:
        numba.config.CACHE_DIR = previous
