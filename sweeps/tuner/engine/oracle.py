"""`keras_tuner.engine.oracle`, as it is."""

from __future__ import annotations

from keras_tuner.engine.oracle import Objective, Oracle

__all__ = ["Objective", "Oracle"]
