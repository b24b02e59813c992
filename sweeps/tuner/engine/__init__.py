"""`keras_tuner.engine`: the modules that people import from it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = ("base_tuner", "hypermodel", "hyperparameters", "metrics_tracking", "oracle", "trial", "tuner")


def __getattr__(name: str) -> Any:
    # importing this file alone does not import TensorFlow
    if name in _MODULES:
        return import_module(f"sweeps.tuner.engine.{name}")
    raise AttributeError(f"module 'sweeps.tuner.engine' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_MODULES)
