"""`keras_tuner.engine.tuner`: our `Tuner`, and KerasTuner's own context for a distribution strategy."""

from __future__ import annotations

from keras_tuner.engine.tuner import maybe_distribute

from sweeps.tuner.base import Tuner

__all__ = ["Tuner", "maybe_distribute"]
