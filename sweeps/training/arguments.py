"""The arguments of `fit` as training and validation rows; Keras checks them, so that its error messages apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters import array_slicing
from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

from sweeps.training.checks import check_arrays
from sweeps.training.resident import RESIDENT
from sweeps.training.rows import Rows

KERAS_BATCH_SIZE = 32


def training_and_validation_rows(
    data: tuple[Any, Any, Any],
    class_weight: dict[int, float] | None,
    batch_size: int | None,
    validation_split: float,
    validation_data: Any,
    validation_batch_size: int | None,
) -> tuple[Rows, Rows | None]:
    """The rows to train on, and the rows to validate on or None.

    Args:
        data: x, y and sample_weight.
        class_weight: as in Keras's `fit`, like the arguments that follow.

    Raises:
        ValueError: lengths or structures do not match, or there are too few rows to split (Keras's messages).
    """
    x, y, sample_weight = data
    size = batch_size or KERAS_BATCH_SIZE
    validation_size = validation_batch_size or size
    weights = sample_weight
    if class_weight is not None and sample_weight is None and not keras.tree.is_nested(y) and y is not None:
        weights, class_weight = _weights_of_classes(y, class_weight), None
    training = _rows((x, y, weights), class_weight, size)
    if validation_data is not None:
        return training, _rows(keras.utils.unpack_x_y_sample_weight(validation_data), None, validation_size)
    if not validation_split:
        return training, None
    # training and validation share their tensors: a split copies nothing
    split = _first_validation_row(training.stop, validation_split)
    validation = _rows(data, None, validation_size)
    return replace(training, stop=split), replace(validation, start=split)


def _rows(data: tuple[Any, Any, Any], class_weight: Any, batch_size: int) -> Rows:
    check_arrays(data)
    x, y, sample_weight = data
    adapter = ArrayDataAdapter(x, y, sample_weight=sample_weight, class_weight=class_weight, batch_size=batch_size)
    tensors: list[Any] = []

    def index_of(leaf: Any) -> int | None:
        if leaf is None:
            return None
        # a Series is a column, as in Keras
        tensors.append(RESIDENT.tensor(leaf.to_frame() if hasattr(leaf, "to_frame") else leaf))
        return len(tensors) - 1

    structure = keras.tree.map_structure(index_of, keras.tree.lists_to_tuples(adapter._inputs))
    return Rows(tuple(tensors), structure, 0, int(tensors[0].shape[0]), batch_size)


def _first_validation_row(count: int, validation_split: float) -> int:
    """The first validation row, computed by Keras's own function on an array that takes no memory."""
    rows = np.broadcast_to(np.float32(0), (count,))
    training, _ = array_slicing.train_validation_split((rows,), validation_split)
    return len(training[0])


def _weights_of_classes(y: Any, class_weight: dict[int, float]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """float32 (n,): Keras's `class_weight_to_sample_weights` without its loop over the rows."""
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = np.squeeze(labels, axis=-1) if labels.shape[-1] == 1 else np.argmax(labels, axis=-1)
    classes, row_class = np.unique(np.round(labels).astype(np.int32), return_inverse=True)
    weights = np.array([class_weight.get(int(label), 1.0) for label in classes], dtype=keras.config.floatx())
    return weights[row_class]
