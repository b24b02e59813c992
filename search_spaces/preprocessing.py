"""From raw input to features, inside the model, so that an exported model takes raw input.

Statistics and vocabularies come from the `InputSpec`: trials adapt no layers. Only Keras's own layers and operations
are used, so that a saved model needs nothing but Keras.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras

from search_spaces.data_spec import DataSpec, InputSpec

_LOWEST, _HIGHEST = 1e-14, 1e37  # of variances in Normalization
UNKNOWN = "[UNK]"  # Keras's token for a text that is not in the vocabulary


def encode(spec: DataSpec) -> tuple[Any, keras.KerasTensor]:
    """The model's Input layer (or a dictionary of them), and its features, float32 (n, features)."""
    if not isinstance(spec.inputs, Mapping):
        array = keras.Input(shape=spec.inputs.shape, dtype=spec.inputs.dtype, name="input")
        return array, features_of(array, spec.inputs)
    inputs = column_inputs(spec.inputs)
    return inputs, join(column_features(inputs, spec.inputs).values())


def column_inputs(columns: Mapping[str, InputSpec]) -> dict[str, keras.KerasTensor]:
    """An Input layer for each column."""
    return {name: keras.Input(shape=spec.shape, dtype=spec.dtype, name=name) for name, spec in columns.items()}


def column_features(
    inputs: Mapping[str, keras.KerasTensor], columns: Mapping[str, InputSpec]
) -> dict[str, keras.KerasTensor]:
    """The features of each column, float32 (n, features); a missing number becomes the column's mean."""
    encoded = {name: features_of(inputs[name], spec) for name, spec in columns.items()}
    return {
        name: features if columns[name].dtype == "string" else keras.ops.nan_to_num(features, nan=0.0)
        for name, features in encoded.items()
    }


def features_of(tensor: keras.KerasTensor, spec: InputSpec) -> keras.KerasTensor:
    """Features of raw input (n, …), float32 (n, features).

    Numbers with statistics are standardized, others are divided by their highest value; texts become one-hot, with
    one column for all unknown ones; a date becomes its elapsed time, standardized, and sine and cosine of its phase in
    the year, the week and the day.
    """
    if spec.dtype == "string":
        vocabulary = [text for text in spec.vocabulary or () if text != UNKNOWN]
        lookup = keras.layers.StringLookup(
            vocabulary=vocabulary, oov_token=UNKNOWN, output_mode="multi_hot", name=f"{tensor.name}_one_hot"
        )
        return lookup(tensor)
    features = _scaled(tensor, spec)
    if spec.periods:
        features = join([features, *_phases(tensor, spec.periods)])
    if len(spec.shape) == 1:
        return features
    return keras.layers.Flatten(name=f"{tensor.name}_flat")(features)


def _phases(days: keras.KerasTensor, periods: Iterable[float]) -> Iterator[keras.KerasTensor]:
    """Sine and cosine of days (n, 1) within each period: the last day of a year is near to the first of the next."""
    for period in periods:
        # the remainder is exact, so that many days since 1970 cost no digits of an hour
        angle = keras.ops.mod(days, period) * (2 * math.pi / period)
        yield keras.ops.sin(angle)
        yield keras.ops.cos(angle)


def join(features: Iterable[keras.KerasTensor]) -> keras.KerasTensor:
    """Concatenate tensors (n, …) along the last axis."""
    listed = list(features)
    return listed[0] if len(listed) == 1 else keras.layers.Concatenate()(listed)


def _scaled(tensor: keras.KerasTensor, spec: InputSpec) -> keras.KerasTensor:
    name = f"{tensor.name}_scaled"
    if spec.mean is not None and spec.variance is not None:
        # a constant column is only centred, without a division by zero
        variance = [value if value > 0 else 1.0 for value in spec.variance]
        if any(map(_leaves_float32, spec.mean, variance)):
            scales = [1 / math.sqrt(value) for value in variance]
            offsets = [-mean * scale for mean, scale in zip(spec.mean, scales, strict=True)]
            return keras.layers.Rescaling(scales, offsets, name=name)(tensor)
        return keras.layers.Normalization(mean=list(spec.mean), variance=variance, name=name)(tensor)
    # with a scale of 1, Rescaling still casts to the model's dtype
    return keras.layers.Rescaling(1.0 / (spec.high or 1.0), name=name)(tensor)


def _leaves_float32(mean: float, variance: float) -> bool:
    """Whether `Normalization`, which keeps the variance in float32 and divides by at least 1e-7, cannot scale a column.

    One whose deviation is lost beside its mean is constant but for rounding.
    """
    return variance > _HIGHEST or (variance < _LOWEST and math.sqrt(variance) > 1e-5 * abs(mean))
