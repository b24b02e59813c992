"""`keras_tuner.engine.hypermodel`, as it is."""

from __future__ import annotations

from keras_tuner.engine.hypermodel import HyperModel

__all__ = ["HyperModel"]
