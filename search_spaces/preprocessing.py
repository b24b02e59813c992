"""From raw input to features, inside the model: an exported model takes what the dataset holds.

All statistics and vocabularies come with the `InputSpec`; nothing is adapted in a trial, and only Keras's own
layers and operations are used, so that the model loads wherever Keras is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from search_spaces.data_spec import DataSpec, InputSpec

UNKNOWN = "[UNK]"  # Keras's own name for a text that is not in the vocabulary


def encode(spec: DataSpec) -> tuple[Any, keras.KerasTensor]:
    """The model's input (or dictionary of inputs), and its features as one float32 tensor (n, features)."""
    if not isinstance(spec.inputs, Mapping):
        entrance = keras.Input(shape=spec.inputs.shape, dtype=spec.inputs.dtype, name="input")
        return entrance, features_of(entrance, spec.inputs)
    entrances = entrances_of(spec.inputs)
    return entrances, join(columns_of(entrances, spec.inputs).values())


def entrances_of(columns: Mapping[str, InputSpec]) -> dict[str, keras.KerasTensor]:
    """An Input layer for each named column."""
    return {name: keras.Input(shape=spec.shape, dtype=spec.dtype, name=name) for name, spec in columns.items()}


def columns_of(
    entrances: Mapping[str, keras.KerasTensor], columns: Mapping[str, InputSpec]
) -> dict[str, keras.KerasTensor]:
    """The features of each column, float32 (n, features); a missing number is read as the column's mean."""
    encoded = {name: features_of(entrances[name], spec) for name, spec in columns.items()}
    return {
        name: features if columns[name].dtype == "string" else keras.ops.nan_to_num(features, nan=0.0)
        for name, features in encoded.items()
    }


def features_of(entrance: keras.KerasTensor, spec: InputSpec) -> keras.KerasTensor:
    """Raw input (n, …) to float32 (n, features).

    Numbers with statistics are brought to mean 0 and variance 1, others are divided by their highest value;
    texts become one-hot, all unknown ones in a place of their own.
    """
    if spec.dtype == "string":
        vocabulary = [text for text in spec.vocabulary or () if text != UNKNOWN]
        lookup = keras.layers.StringLookup(
            vocabulary=vocabulary, oov_token=UNKNOWN, output_mode="multi_hot", name=f"{entrance.name}_one_hot"
        )
        return lookup(entrance)
    features = _scaled(entrance, spec)
    if len(spec.shape) == 1:
        return features
    return keras.layers.Flatten(name=f"{entrance.name}_flat")(features)


def join(features: Iterable[keras.KerasTensor]) -> keras.KerasTensor:
    """Several (n, …) tensors side by side."""
    listed = list(features)
    return listed[0] if len(listed) == 1 else keras.layers.Concatenate()(listed)


def _scaled(entrance: keras.KerasTensor, spec: InputSpec) -> keras.KerasTensor:
    name = f"{entrance.name}_scaled"
    if spec.mean is not None and spec.variance is not None:
        # A column that never varied would be divided by zero: it is only centred.
        variance = [value if value > 0 else 1.0 for value in spec.variance]
        return keras.layers.Normalization(mean=list(spec.mean), variance=variance, name=name)(entrance)
    # Where nothing is to be scaled, Rescaling still turns the data's number type into the model's.
    return keras.layers.Rescaling(1.0 / (spec.high or 1.0), name=name)(entrance)
