"""`keras_tuner.engine.metrics_tracking`, as it is."""

from __future__ import annotations

from keras_tuner.engine.metrics_tracking import infer_metric_direction

__all__ = ["infer_metric_direction"]
