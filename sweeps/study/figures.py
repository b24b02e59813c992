"""Figures of a model that an objective or a constraint may name beside the metrics of the epochs' logs: what it costs.

In a trial's MLflow run they are tags of the same names; the seconds are a metric too, where they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sweeps.errors import InputError

#: weights of the model, and their bytes; known before a trial trains
N_PARAMS, MODEL_BYTES = "n_params", "model_bytes"
#: seconds that its epochs took, with several rounds their mean
TRAIN_SECONDS = "train_seconds"
#: milliseconds in which the compiled model answers for one row; the median of many calls
LATENCY_MS = "latency_ms"
SIZES = (N_PARAMS, MODEL_BYTES)
#: all of them; each is the better the less it is
FIGURES = (*SIZES, TRAIN_SECONDS, LATENCY_MS)

#: what a metric's name holds, and the values that it can have; the first that fits. A loss may be anything
_RANGES = (
    ("loss", (-math.inf, math.inf)),
    *((name, (0.0, 1.0)) for name in ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "iou")),
    ("cosine_similarity", (-1.0, 1.0)),
    ("r2", (-math.inf, 1.0)),
    *((name, (0.0, math.inf)) for name in ("rmse", "mae", "mse", "error", "mape", "msle", *FIGURES)),
)


def range_of(metric: str) -> tuple[float, float]:
    """The lowest and the highest value that a metric or a figure can have."""
    return next((ends for part, ends in _RANGES if part in metric.lower()), (-math.inf, math.inf))


def neither_metric_nor_figure(what: str, name: str, logs: Mapping[str, float]) -> InputError:
    """The error for an objective or a constraint that names neither a metric of the logs nor a figure.

    Args:
        what: "objective", "--constraint".
    """
    return InputError(f"{what}: no metric is named {name!r}; there are {', '.join((*sorted(logs), *FIGURES))}")
