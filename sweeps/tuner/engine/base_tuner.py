"""`keras_tuner.engine.base_tuner`: a tuner of anything, whose trials run in this process and are recorded."""

from __future__ import annotations

from sweeps.tuner.in_process import InProcess as BaseTuner

__all__ = ["BaseTuner"]
