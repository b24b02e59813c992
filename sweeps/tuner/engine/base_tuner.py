"""`keras_tuner.engine.base_tuner`: one class is the base of all tuners here."""

from __future__ import annotations

from sweeps.tuner.base import Tuner

BaseTuner = Tuner

__all__ = ["BaseTuner"]
