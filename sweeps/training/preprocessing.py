"""Preprocessing that is the same in every epoch, done once before the first.

A table's columns go through a lookup or a normalization each before they are joined: a dozen operations a
column and step, of which nothing is learnt, and text that XLA refuses. They are run once on all rows, and the
rest of the model, which shares its layers and variables, is what the steps run. Only Keras's own layers are
taken that treat each row for itself and keep their weights, by exact type; so the result is the same to the
last bit.

Only for dictionaries of inputs: images are better kept as bytes (a quarter of the memory to gather from).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
from keras.src.models.functional import Functional
from keras.src.ops.numpy import NanToNum

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
        NanToNum,
    }
)
MAX_BYTES = 256_000_000


def preprocess(model: Any, training: Rows, validation: Rows | None) -> tuple[Any, Rows, Rows | None]:
    """The part of `model` that learns, and the rows as it takes them; all as given where nothing is gained.

    Args:
        model: a compiled Keras model.
        training, validation: raw rows that fit the model.
    """
    frontier = _frontier(model)
    count = training.count + (validation.count if validation is not None else 0)
    if not frontier or _bytes(frontier) * count > MAX_BYTES:
        return model, training, validation
    first = keras.Model(model._inputs_struct, frontier, name="preprocessing")
    build_optimizer(model)  # in the order of the whole model's variables: so it will be saved
    rest = keras.Model(frontier, model._outputs_struct, name=model.name)
    _share_compilation(model, rest)
    done: dict[tuple[int, ...], tuple[Any, ...]] = {}

    def apply(rows: Rows) -> Rows:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
        raw = keras.tree.map_structure(lambda leaf: leaf if leaf is None else rows.tensors[leaf], x)
        key = tuple(map(id, keras.tree.flatten(raw)))
        if key not in done:
            done[key] = tuple(keras.tree.flatten(first(raw)))
        return _replaced(rows, done[key], y, sample_weight)

    return rest, apply(training), None if validation is None else apply(validation)


def _frontier(model: Any) -> tuple[Any, ...]:
    """The tensors between preprocessing and the rest, in the model's order; none where there is nothing to
    gain."""
    if type(model) is not Functional or not isinstance(model._inputs_struct, dict):
        return ()
    known = {id(tensor) for tensor in model.inputs}
    if any(len(tensor.shape) < 2 for tensor in model.inputs):
        return ()  # some layers take an array of one axis for a single row
    found: dict[int, Any] = {}
    for node in nodes(model):
        if _is_preprocessing(node) and all(id(tensor) in known for tensor in node.input_tensors):
            known |= {id(tensor) for tensor in node.output_tensors}
        else:
            found |= {id(tensor): tensor for tensor in node.input_tensors if id(tensor) in known}
    found |= {id(tensor): tensor for tensor in model.outputs if id(tensor) in known}
    raw = {id(tensor) for tensor in model.inputs}
    return tuple(found.values()) if found and not raw >= found.keys() else ()


def nodes(model: Any) -> Iterator[Any]:
    """The calls of layers, from the inputs to the outputs."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def _is_preprocessing(node: Any) -> bool:
    operation = node.operation
    if type(operation) not in LAYERS or getattr(operation, "activity_regularizer", None) is not None:
        return False
    # along the first axis rows would be joined, not features
    return not isinstance(operation, keras.layers.Concatenate) or operation.axis in (-1, len(node.outputs[0].shape) - 1)


def _share_compilation(model: Any, rest: Any) -> None:
    """What `compile` has set, so that both have one optimizer, one loss and one set of metrics."""
    names = ("optimizer", "loss", "_compile_loss", "_compile_metrics", "_loss_tracker", "_jit_compile", "output_names")
    # not by attribute: a model takes metrics that are set for layers of its own
    vars(rest).update({name: vars(model)[name] for name in names}, compiled=True)


def _replaced(rows: Rows, features: tuple[Any, ...], y: Any, sample_weight: Any) -> Rows:
    """The rows with `features` in place of `x`."""
    tensors = list(features)

    def moved(leaf: Any) -> Any:
        if leaf is None:
            return None
        tensors.append(rows.tensors[leaf])
        return len(tensors) - 1

    targets = keras.tree.map_structure(moved, (y, sample_weight), none_is_leaf=True)
    structure = (tuple(range(len(features))), *targets)
    return Rows(tuple(tensors), structure, rows.start, rows.stop, rows.batch_size)


def _bytes(tensors: tuple[Any, ...]) -> int:
    """Of one row; of a length that is not known, more than there is."""
    total = 0
    for tensor in tensors:
        size = 8
        for length in tensor.shape[1:]:
            size *= MAX_BYTES if length is None else length
        total += size
    return total
