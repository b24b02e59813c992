"""`keras_tuner.errors`, as it is: what a trial may raise, and what `search` raises."""

from __future__ import annotations

from keras_tuner.errors import FailedTrialError, FatalError, FatalRuntimeError, FatalTypeError, FatalValueError

__all__ = ["FailedTrialError", "FatalError", "FatalRuntimeError", "FatalTypeError", "FatalValueError"]
