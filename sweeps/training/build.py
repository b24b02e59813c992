"""Variables, created before anything is traced: TensorFlow traces a function that creates variables twice."""

from __future__ import annotations

import contextlib
from typing import Any

import keras

from sweeps.training.rows import Rows


def build(model: Any, rows: Rows) -> None:
    """Create the variables of a model, its metrics, loss trackers and optimizer, as Keras would on the first batch.

    Args:
        model: a compiled Keras model, with or without an Input layer.
        rows: its training data.

    Raises:
        ValueError: the data does not fit the model (Keras's own message).
    """
    if not _build_metrics_from_shapes(model, rows):
        # batch size None: a Sequential without an Input layer keeps the shape that it is built with
        batch = [keras.KerasTensor((None, *tensor.shape[1:]), tensor.dtype.name) for tensor in rows.tensors]
        model._symbolic_build(data_batch=rows.pack(batch))
    build_optimizer(model)


def build_optimizer(model: Any) -> None:
    """Create the optimizer's variables in the order of the model's variables, in which they are saved."""
    optimizer = model.optimizer
    if not optimizer.built:
        with keras.name_scope(optimizer.name, caller=optimizer):
            optimizer.build(model.trainable_variables)


def _build_metrics_from_shapes(model: Any, rows: Rows) -> bool:
    """Build the metrics of a built model with one output (2 ms, Keras takes 25-45); False for other models."""
    if not model.built or not all(layer.built for layer in model._flatten_layers()):
        return False
    output = only_output(model)
    _, y, _ = keras.utils.unpack_x_y_sample_weight(rows.structure)
    if output is None or y is None or keras.tree.is_nested(y) or keras.tree.is_nested(model.loss):
        return False
    metrics = model._compile_metrics
    if metrics is not None and not metrics.built:
        target = rows.tensors[y]
        metrics.build(keras.KerasTensor((None, *target.shape[1:]), dtype=target.dtype.name), output)
    return True


def loss_by_name(loss: Any) -> Any:
    """`keras.losses.get`; None for "crossentropy", which `compile` resolves by the target's shape."""
    with contextlib.suppress(ValueError):
        return keras.losses.get(loss)
    return None


def only_output(model: Any) -> Any:
    """The symbolic output of a Sequential or functional model with one output that is not nested, or None."""
    if isinstance(model, keras.Sequential):
        model = model._functional
    structure = getattr(model, "_outputs_struct", None)
    return structure if isinstance(structure, keras.KerasTensor) else None
