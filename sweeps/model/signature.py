"""What a model takes and gives, as an export's manifest tells it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from sweeps.errors import InputError

Entry = dict[str, Any]


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    Attributes:
        inputs, outputs: for each `{"name", "shape", "dtype"}`; the shape begins with None, for the rows.
        named: whether the inputs are a dictionary.
        named_outputs: whether the outputs are one.
    """

    inputs: list[Entry]
    outputs: list[Entry]
    named: bool
    named_outputs: bool = False

    def specs(self) -> Any:
        """The same as TensorFlow's specs, for an exported function of one argument."""
        specs = {entry["name"]: tf.TensorSpec(entry["shape"], entry["dtype"], entry["name"]) for entry in self.inputs}
        return specs if self.named else next(iter(specs.values()))


def signature_of(model: Any, data: Mapping[str, Any]) -> Signature:
    """What `model` takes and gives. A model of a class of its own does not know: it is asked with one row.

    Args:
        data: what the study tells of its data.

    Raises:
        InputError: a model of a class of its own does not take such rows.
    """
    if getattr(model, "inputs", None):
        # a Sequential has no structures: one input, one output
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
        answer = model(row if named else row["input"], training=False)
    except Exception as wrong:  # whatever a person's model raises
        raise InputError(
            "what the model takes is not known: it has no Input layers, and does not take the data as it is "
            f"({type(wrong).__name__}); give it Input layers, or have its fit call model.fit with arrays"
        ) from None
    outputs = _entries(_by_name(answer, lambda number, _: f"output_{number}"))
    return Signature(list(specs.values()), outputs, named, isinstance(answer, dict))


def named_answer(model: Any, answer: Any) -> Any:
    """A model's answer, of several outputs as a dictionary."""
    return by_names(getattr(model, "output_names", None) or (), answer, "output")


def by_names(names: Sequence[str], arrays: Any, what: str) -> Any:
    """Arrays of a list in a dictionary: MLflow's signatures know no lists.

    Args:
        names: theirs; where they are not as many, or not different, `what` and the place are.
    """
    if not isinstance(arrays, list | tuple):
        return arrays
    flat = keras.tree.flatten(arrays)
    if len(names) != len(flat) or len(set(names)) != len(flat):  # a layer of several outputs gives its name to all
        names = [f"{what}_{place}" for place in range(len(flat))]
    return dict(zip(names, flat, strict=True))


def _row(entry: Entry) -> Any:
    if entry["dtype"] == "string":
        return tf.fill((1, *entry["shape"][1:]), "")
    return tf.zeros((1, *entry["shape"][1:]), entry["dtype"])


def _by_name(tensors: Any, name: Callable[[int, Any], str]) -> dict[str, Any]:
    """Tensors by the keys of their dictionary; where they are in none, by the names that are made for them."""
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
