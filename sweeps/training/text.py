"""Text in arrays, which Keras takes as tensors only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def as_tensors(x: Any, convert: Callable[[Any], Any] = tf.convert_to_tensor) -> Any:
    """Convert arrays with text to tensors, which a Keras model can be called with.

    Args:
        x: an array, or arrays in a dictionary, tuple or list.
        convert: converts an array to a tensor.

    Returns:
        `x` itself if it has no text; otherwise all of it as tensors, since Keras does not accept a mixture.
    """
    if not any(is_text(leaf) for leaf in keras.tree.flatten(x)):
        return x
    return keras.tree.map_structure(
        lambda leaf: (
            tf.constant(leaf) if _is_objects(leaf) else convert(leaf) if isinstance(leaf, np.ndarray) else leaf
        ),
        x,
    )


def is_text(leaf: Any) -> bool:
    """Whether `leaf` is an array of text: `str`, `bytes`, or objects that are all `str`."""
    if not isinstance(leaf, np.ndarray):
        return False
    return leaf.dtype.kind in "US" or (_is_objects(leaf) and all(isinstance(value, str) for value in leaf.flat))


def _is_objects(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) and leaf.dtype.kind == "O"
