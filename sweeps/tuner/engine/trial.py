"""`keras_tuner.engine.trial`, as it is."""

from __future__ import annotations

from keras_tuner.engine.trial import Trial, TrialStatus

__all__ = ["Trial", "TrialStatus"]
