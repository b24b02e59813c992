"""Metrics of many steps at once: the loop keeps losses and predictions, and the metrics take them in one go.

Updating a loss and an accuracy takes as many operations a step as a layer does. Metrics that are sums over
rows do not care when they are told; only those of Keras's own that are such sums, by exact type, are
deferred.
"""

from __future__ import annotations

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
#: Keras's own losses of which each row has its value, whatever rows are beside it in the batch
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
    """A training step that leaves the metrics out, and what brings them up to date afterwards."""

    def __init__(self, model: Any, batch_size: int) -> None:
        self._model = model
        output = only_output(model)
        # What a step returns: the loss, and the predictions of its rows.
        self.specs = (
            tf.TensorSpec((), tf.float32),
            tf.TensorSpec((batch_size, *output.shape[1:]), output.dtype),
        )

    def step(self, batch: Any) -> tuple[Any, Any]:
        """Keras's own `train_step` without the metrics: loss and predictions of `batch`."""
        model = self._model
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        with tf.GradientTape() as tape:
            y_pred = model(x, training=True) if model._call_has_training_arg else model(x)
            loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
            scaled = model.optimizer.scale_loss(loss)
        weights = model.trainable_weights
        model.optimizer.apply_gradients(zip(tape.gradient(scaled, weights), weights, strict=True))
        return loss, y_pred

    def finish(self, batch: Any, kept: tuple[Any, Any]) -> None:
        """Tell the metrics of many steps.

        Args:
            batch: all their rows, packed.
            kept: losses (steps,) and predictions (steps, batch_size, …).
        """
        losses, predictions = kept
        _, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
        rows = tf.ones_like(losses) * float(self.specs[1].shape[0])
        self._model._loss_tracker.update_state(losses, sample_weight=rows)
        predictions = tf.reshape(predictions, (-1, *self.specs[1].shape[1:]))
        if self._model._compile_metrics is not None:
            self._model._compile_metrics.update_state(y, predictions, sample_weight)


def can_be_deferred(model: Any, rows: Rows) -> bool:
    """Whether the metrics of `model` may be told of its steps afterwards."""
    output = only_output(model)
    if output is None or None in output.shape[1:] or not model.trainable_weights:
        return False
    # of a masked output the metrics leave out steps, and a loss without reduction is no number
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
    """Whether loss and metrics of `model` are the same in batches of any size.

    Keras averages the losses of batches. Where a loss is no mean over rows (`reduction="sum"`, the root of a mean,
    classes that are ignored, what a layer adds), the size of the batches is part of the result.
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
