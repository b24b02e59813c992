"""Hyperparameter sweeps for Keras.

    import sweeps
    result = sweeps.run(build_model, data=(x, y), trials=50)
    result.best.params, result.model()

The command line is `sweeps`; see README.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sweeps.api import Result, run

__all__ = ["Result", "run"]


def __getattr__(name: str) -> Any:
    # worker processes import this file too, and have no use for what it offers
    if name in __all__:
        from sweeps import api

        return getattr(api, name)
    raise AttributeError(f"module 'sweeps' has no attribute {name!r}")
