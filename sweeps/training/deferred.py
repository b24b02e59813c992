"""Deferred metrics: the loop collects losses and predictions, and the metrics are updated once for many steps.

Updating a loss and an accuracy takes as many operations a step as a layer does. Only Keras's own metrics that are
sums over rows are deferred, by exact type: the time of their update does not change the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from sweeps.training.build import loss_by_name, only_output
from sweeps.training.rows import Rows

SUMS_OVER_ROWS: frozenset[type] = frozenset(
    {
        keras.metrics.BinaryAccuracy,
        keras.metrics.BinaryCrossentropy,
        keras.metrics.CategoricalAccuracy,
        keras.metrics.CategoricalCrossentropy,
        keras.metrics.MeanAbsoluteError,
        keras.metrics.MeanSquaredError,
        keras.metrics.RootMeanSquaredError,
        keras.metrics.SparseCategoricalAccuracy,
        keras.metrics.SparseCategoricalCrossentropy,
        keras.metrics.SparseTopKCategoricalAccuracy,
        keras.metrics.TopKCategoricalAccuracy,
    }
)
#: Keras's losses whose value for a row does not depend on the batch's other rows
ROW_LOSSES: frozenset[Any] = frozenset(
    {
        keras.losses.binary_crossentropy,
        keras.losses.binary_focal_crossentropy,
        keras.losses.categorical_crossentropy,
        keras.losses.categorical_focal_crossentropy,
        keras.losses.categorical_hinge,
        keras.losses.cosine_similarity,
        keras.losses.hinge,
        keras.losses.huber,
        keras.losses.kl_divergence,
        keras.losses.log_cosh,
        keras.losses.mean_absolute_error,
        keras.losses.mean_absolute_percentage_error,
        keras.losses.mean_squared_error,
        keras.losses.mean_squared_logarithmic_error,
        keras.losses.poisson,
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.squared_hinge,
    }
)
_MEANS = ("sum_over_batch_size", "mean")
MAX_BYTES = 64_000_000


class Deferred:
    """A training step without metrics, and their update after many steps.

    Attributes:
        specs: what a step returns: the loss (), and the predictions (batch_size, …) of its rows.
    """

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model = model
        output = only_output(model)
        self.specs = (
            tf.TensorSpec((), tf.float32),
            tf.TensorSpec((batch_size, *output.shape[1:]), output.dtype),
        )

    def step(self, batch: Any) -> tuple[Any, Any]:
        """Keras's `train_step` without the metrics; returns loss and predictions of `batch`."""
        model = self._model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
            loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            scaled = model.optimizer.scale_loss(loss)
        weights = model.trainable_weights
        model.optimizer.apply_gradients(zip(tape.gradient(scaled, weights), weights, strict=True))
        return loss, y_pred

    def update_metrics(self, batch: Any, results: Sequence[Any]) -> None:
        """Update the metrics with many steps.

        Args:
            batch: the rows of all steps, packed.
            results: losses (steps,) and predictions (steps, batch_size, …).
        """
        losses, predictions = results
        _, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        rows = tf.ones_like(losses) * float(self.specs[1].shape[0])
        self._model._loss_tracker.update_state(losses, sample_weight=rows)
        predictions = tf.reshape(predictions, (-1, *self.specs[1].shape[1:]))
        if self._model._compile_metrics is not None:
            self._model._compile_metrics.update_state(y, predictions, sample_weight)


def can_be_deferred(model: Any, rows: Rows) -> bool:
    """Whether deferring the metrics of `model` gives the same result."""
    output = only_output(model)
    if output is None or None in output.shape[1:] or not model.trainable_weights:
        return False
    # metrics skip masked steps of an output, and a loss without reduction is not a scalar
    if getattr(output, "_keras_mask", None) is not None or getattr(model.loss, "reduction", "mean") in (None, "none"):
        return False
    if any(
        getattr(type(model), name) is not getattr(keras.Model, name) for name in ("compute_metrics", "compute_loss")
    ):
        return False
    if _bytes(output) * rows.count > MAX_BYTES or keras.config.dtype_policy().compute_dtype != "float32":
        return False
    metrics = model._compile_metrics.metrics if model._compile_metrics is not None else []
    return all(type(metric) in SUMS_OVER_ROWS for metric in metrics)


def is_mean_over_rows(model: Any, rows: Rows) -> bool:
    """Whether loss and metrics of `model` do not depend on the batch size.

    Keras averages the losses of batches, so that they do where the loss is no mean over rows: `reduction="sum"`, the
    root of a mean, `ignore_class`, a loss added by a layer.
    """
    if not can_be_deferred(model, rows):
        return False
    loss = loss_by_name(model.loss)
    if getattr(loss, "fn", loss) not in ROW_LOSSES or getattr(loss, "reduction", "mean") not in _MEANS:
        return False
    if getattr(loss, "_fn_kwargs", {}).get("ignore_class") is not None:
        return False
    layers = (model, *model._flatten_layers())
    return all(type(layer).__module__.partition(".")[0] == "keras" for layer in layers)


def _bytes(output: Any) -> int:
    size = tf.as_dtype(output.dtype).size
    for length in output.shape[1:]:
        size *= length
    return int(size)
