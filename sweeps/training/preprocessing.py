"""Preprocessing layers, run once on all rows instead of in every step.

Each column of a table passes a lookup or normalization before the columns are concatenated: a dozen operations for
each column and step, without trainable weights, some on text, which XLA does not support. They are run once, and the
steps run the rest of the model, which shares its layers and variables. Only Keras's own layers that process each row
independently and do not change in training are included, by exact type, so that the results are identical.

Only for models with a dictionary of inputs: images take a quarter of the memory as uint8.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.numpy import Cos, Mod, Multiply, NanToNum, Sin

from sweeps.training.build import build_optimizer
from sweeps.training.rows import Rows

LAYERS: frozenset[type] = frozenset(
    {
        keras.layers.CategoryEncoding,
        keras.layers.Concatenate,
        keras.layers.Discretization,
        keras.layers.Flatten,
        keras.layers.IntegerLookup,
        keras.layers.Normalization,
        keras.layers.Rescaling,
        keras.layers.StringLookup,
        # of dates: the phases of their cycles
        Cos,
        Mod,
        Multiply,
        NanToNum,
        Sin,
    }
)
MAX_BYTES = 256_000_000


def preprocess(model: Any, training: Rows, validation: Rows | None) -> tuple[Any, Rows, Rows | None]:
    """Split the preprocessing from a model and apply it.

    Args:
        model: a compiled Keras model.
        training, validation: rows of raw inputs.

    Returns:
        The rest of the model, and the rows with its inputs; the arguments where there is nothing to split.
    """
    frontier = _frontier(model)
    count = training.count + (validation.count if validation is not None else 0)
    if not frontier or _bytes(frontier) * count > MAX_BYTES:
        return model, training, validation
    first = keras.Model(model._inputs_struct, frontier, name="preprocessing")
    build_optimizer(model)  # in the order of the whole model's variables, in which they are saved
    rest = _rest(model, frontier)
    _share_compilation(model, rest)
    cache: dict[tuple[int, ...], tuple[Any, ...]] = {}

    def apply(rows: Rows) -> Rows:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
        raw = keras.tree.map_structure(lambda leaf: leaf if leaf is None else rows.tensors[leaf], x)
        key = tuple(map(id, keras.tree.flatten(raw)))
        if key not in cache:
            cache[key] = tuple(keras.tree.flatten(first(raw)))
        return _with_inputs(rows, cache[key], y, sample_weight)

    return rest, apply(training), None if validation is None else apply(validation)


def _frontier(model: Any) -> tuple[Any, ...]:
    """The tensors between preprocessing and the rest of the model; none where there is no preprocessing."""
    if type(model) is not Functional or not isinstance(model._inputs_struct, dict):
        return ()
    raw = {id(tensor) for tensor in model.inputs}
    if any(len(tensor.shape) < 2 for tensor in model.inputs):
        return ()  # some layers treat an array of one axis as a single row
    preprocessed = set(raw)
    frontier: dict[int, Any] = {}
    for node in nodes(model):
        if _is_preprocessing(node) and all(id(tensor) in preprocessed for tensor in node.input_tensors):
            preprocessed |= {id(tensor) for tensor in node.output_tensors}
        else:
            frontier |= {id(tensor): tensor for tensor in node.input_tensors if id(tensor) in preprocessed}
    frontier |= {id(tensor): tensor for tensor in model.outputs if id(tensor) in preprocessed}
    return () if raw >= frontier.keys() else tuple(frontier.values())


def _rest(model: Any, frontier: tuple[Any, ...]) -> Any:
    """The model from the frontier to the outputs."""
    histories = [tensor._keras_history for tensor in model.inputs]
    rest = keras.Model(frontier, model._outputs_struct, name=model.name)
    # Keras makes a new node of an input among intermediate tensors and lets the tensor belong to that one; `model`
    # does not have it, and could not be saved
    for tensor, history in zip(model.inputs, histories, strict=True):
        tensor._keras_history = history
    return rest


def nodes(model: Any) -> Iterator[Any]:
    """The nodes (calls of layers) of a functional model, from the inputs to the outputs."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def _is_preprocessing(node: Any) -> bool:
    operation = node.operation
    if type(operation) not in LAYERS or getattr(operation, "activity_regularizer", None) is not None:
        return False
    # along another axis rows would be concatenated, not features
    return not isinstance(operation, keras.layers.Concatenate) or operation.axis in (-1, len(node.outputs[0].shape) - 1)


def _share_compilation(model: Any, rest: Any) -> None:
    """Share optimizer, loss and metrics, which `compile` has set, with the rest of the model."""
    names = ("optimizer", "loss", "_compile_loss", "_compile_metrics", "_loss_tracker", "_jit_compile", "output_names")
    # not by setattr: a model would track the metrics as its layers
    vars(rest).update({name: vars(model)[name] for name in names}, compiled=True)


def _with_inputs(rows: Rows, features: tuple[Any, ...], y: Any, sample_weight: Any) -> Rows:
    """The rows with `features` as their inputs."""
    tensors = list(features)

    def append(leaf: Any) -> Any:
        if leaf is None:
            return None
        tensors.append(rows.tensors[leaf])
        return len(tensors) - 1

    targets = keras.tree.map_structure(append, (y, sample_weight), none_is_leaf=True)
    structure = (tuple(range(len(features))), *targets)
    return replace(rows, tensors=tuple(tensors), structure=structure)


def _bytes(tensors: tuple[Any, ...]) -> int:
    """Bytes of one row; more than `MAX_BYTES` where a length is not known."""
    total = 0
    for tensor in tensors:
        size = 8
        for length in tensor.shape[1:]:
            size *= MAX_BYTES if length is None else length
        total += size
    return total
