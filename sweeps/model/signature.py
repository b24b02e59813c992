"""The inputs and outputs of a model, as in an export's manifest."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from search_spaces.preprocessing import layer_name
from sweeps.errors import InputError

Entry = dict[str, Any]


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    Attributes:
        inputs, outputs: `{"name", "shape", "dtype"}` of each; the shape begins with None, for the rows.
        named: whether the inputs are a dictionary.
        named_outputs: whether the outputs are a dictionary.
    """

    inputs: list[Entry]
    outputs: list[Entry]
    named: bool
    named_outputs: bool = False

    def specs(self) -> Any:
        """The inputs as TensorFlow's specs, for an exported function of one argument."""
        served = self.served_names
        specs = {
            entry["name"]: tf.TensorSpec(entry["shape"], entry["dtype"], served[entry["name"]]) for entry in self.inputs
        }
        if self.named:
            return specs
        return next(iter(specs.values())) if len(specs) == 1 else list(specs.values())

    @property
    def served_names(self) -> dict[str, str]:
        """The inputs' names -> those that a SavedModel can have: ASCII, and different without case and punctuation."""
        names = [entry["name"] for entry in self.inputs]
        alike = Counter(re.sub(r"\W", "_", layer_name(name).lower()) for name in names)
        return {
            name: layer_name(name)
            if alike[re.sub(r"\W", "_", layer_name(name).lower())] == 1
            else f"{layer_name(name)}_{zlib.crc32(name.encode()):08x}"
            for name in names
        }


def signature_of(model: Any, data: Mapping[str, Any]) -> Signature:
    """The signature of a model. A subclassed model without Input layers is called with one row.

    Args:
        model: a Keras model.
        data: the study's description of its data.

    Raises:
        InputError: a subclassed model does not take such rows.
    """
    if getattr(model, "inputs", None):
        # a Sequential has no structures, but one input and one output
        inputs = getattr(model, "_inputs_struct", model.inputs)
        outputs = getattr(model, "_outputs_struct", model.outputs)
        return Signature(
            _entries(_by_name(inputs, lambda _, tensor: str(tensor.name))),
            _entries(_by_name(outputs, lambda _, tensor: str(tensor._keras_history.operation.name))),
            isinstance(inputs, dict),
            isinstance(outputs, dict),
        )
    specs = {
        name or "input": {"name": name or "input", "shape": [None, *entry["shape"]], "dtype": entry["dtype"]}
        for name, entry in data["inputs"].items()
    }
    named = "" not in data["inputs"]
    row = {name: _row(entry) for name, entry in specs.items()}
    try:
        result = model(row if named else row["input"], training=False)
    except Exception as error:  # user code may raise anything
        raise InputError(
            "the model's inputs are not known: it has no Input layers, and does not take the data as it is "
            f"({type(error).__name__}); give it Input layers, or have its fit call model.fit with arrays"
        ) from None
    outputs = _entries(_by_name(result, lambda number, _: f"output_{number}"))
    return Signature(list(specs.values()), outputs, named, isinstance(result, dict))


def outputs_by_name(model: Any, outputs: Any) -> Any:
    """A model's outputs; several of them as a dictionary."""
    return by_names(getattr(model, "output_names", None) or (), outputs, "output")


def by_names(names: Sequence[str], arrays: Any, label: str) -> Any:
    """The arrays of a list as a dictionary, since MLflow's signatures have no lists.

    Args:
        names: of the arrays; where they are not unique, or too few or many, the names are ``LABEL_INDEX``.
        arrays: an array, or a list or tuple of them.
        label: for such names.
    """
    if not isinstance(arrays, list | tuple):
        return arrays
    flat = keras.tree.flatten(arrays)
    if len(names) != len(flat) or len(set(names)) != len(flat):  # all outputs of one layer have its name
        names = [f"{label}_{index}" for index in range(len(flat))]
    return dict(zip(names, flat, strict=True))


def _row(entry: Entry) -> Any:
    if entry["dtype"] == "string":
        return tf.fill((1, *entry["shape"][1:]), "")
    return tf.zeros((1, *entry["shape"][1:]), entry["dtype"])


def _by_name(tensors: Any, name: Callable[[int, Any], str]) -> dict[str, Any]:
    """Tensors by the keys of their dictionary; without one, by `name(index, tensor)`."""
    if isinstance(tensors, dict):
        return tensors
    named: dict[str, Any] = by_names(
        [name(number, tensor) for number, tensor in enumerate(keras.tree.flatten(tensors))], [tensors], "output"
    )
    return named


def _entries(tensors: Mapping[str, Any]) -> list[Entry]:
    return [
        {"name": name, "shape": [None, *tensor.shape[1:]], "dtype": keras.backend.standardize_dtype(tensor.dtype)}
        for name, tensor in tensors.items()
    ]
