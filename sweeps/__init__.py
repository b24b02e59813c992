"""Hyperparameter sweeps for Keras.

    import sweeps
    result = sweeps.run(build_model, data=(x, y), trials=50)
    result.best.params, result.model()

The command line is `sweeps`; see README.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps import plots
    from sweeps.api import Result, run

__all__ = ["Result", "plots", "run"]


def __getattr__(name: str) -> Any:
    # worker processes import this file too, and have no use for what it offers
    if name == "plots":
        return importlib.import_module("sweeps.plots")
    if name in __all__:
        from sweeps import api

        return getattr(api, name)
    raise AttributeError(f"module 'sweeps' has no attribute {name!r}")
