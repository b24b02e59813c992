"""Which models, and which training of them, the kernels are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import Functional

from sweeps.dense_kernels.activations import BY_NAME
from sweeps.dense_kernels.kernels import BINARY, ONE_HOT, SPARSE, SQUARED, Floats
from sweeps.dense_kernels.state import is_known
from sweeps.training.build import only_output
from sweeps.training.deferred import can_be_deferred
from sweeps.training.preprocessing import nodes
from sweeps.training.rows import Rows

#: by the last layer's activation and the loss: what the kernels call it. Keras computes the cross-entropy of
#: a softmax or a sigmoid from what these were computed from, as the kernels do.
LOSSES: dict[tuple[str, type], int] = {
    ("softmax", keras.losses.SparseCategoricalCrossentropy): SPARSE,
    ("softmax", keras.losses.CategoricalCrossentropy): ONE_HOT,
    ("sigmoid", keras.losses.BinaryCrossentropy): BINARY,
    ("linear", keras.losses.MeanSquaredError): SQUARED,
}
_FREE_OF = ("kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint", "bias_constraint")


@dataclass(frozen=True)
class Affine:
    """`(x - shift) * scale + offset`, each float32 (features,)."""

    shift: Floats
    scale: Floats
    offset: Floats


@dataclass(frozen=True)
class Chain:
    """A model that is nothing but dense layers, with at most a Dropout behind each hidden one and a rescaling before
    and after them all.

    Attributes:
        layers: the dense ones, from the inputs to the outputs; all but the last have an activation that the kernels
            know.
        dropouts: for each of them the Dropout layer behind it, or None.
        first, last: what is done to the inputs, and to the outputs.
        loss: `SPARSE`, `ONE_HOT`, `BINARY` or `SQUARED`.
        loss_weight: what the loss is multiplied with.
    """

    layers: tuple[Any, ...]
    dropouts: tuple[Any | None, ...]
    first: Affine
    last: Affine
    loss: int
    loss_weight: float


def chain_of(model: Any, training: Rows, validation: Rows | None) -> Chain | None:
    """`model` as a chain; None where it is more than that, or its training more than the kernels can.

    Args:
        model: a compiled Keras model whose variables exist.
        training, validation: what it is trained on and validated on.
    """
    if type(model) not in (keras.Sequential, Functional) or model.jit_compile or not is_known(model.optimizer):
        return None
    layers = _layers_in_a_row(model)
    if layers is None:
        return None
    dense = [layer for layer in layers if type(layer) is keras.layers.Dense]
    if not dense or not all(_is_plain(layer) for layer in dense) or not _all_that_is_trained(model, dense):
        return None
    where = layers.index(dense[0]), layers.index(dense[-1]) + 1
    first, last = _affine(layers[: where[0]], dense[0].kernel.shape[0]), _affine(layers[where[1] :], dense[-1].units)
    found, dropouts = _loss(model, dense[-1]), _dropouts(layers[where[0] : where[1]])
    if dropouts is None or first is None or last is None or found is None:
        return None
    if any(layer.activation.__name__ not in BY_NAME for layer in dense[:-1]):
        return None
    if found[0] != SQUARED and len(layers) > where[1]:
        return None
    chain = Chain(tuple(dense), dropouts, first, last, *found)
    if not all(can_be_deferred(model, rows) and _fit(chain, rows) for rows in (training, validation) if rows):
        return None
    return chain


def _layers_in_a_row(model: Any) -> list[Any] | None:
    """The layers of a model in which each takes what the one before gives, and nothing else."""
    if only_output(model) is None or len(model.inputs) != 1:
        return None
    functional = model._functional if isinstance(model, keras.Sequential) else model
    layers, tensor = [], model.inputs[0]
    for node in nodes(functional):
        if len(node.input_tensors) != 1 or node.input_tensors[0] is not tensor or len(node.output_tensors) != 1:
            return None
        layers.append(node.operation)
        tensor = node.output_tensors[0]
    return layers if len(set(map(id, layers))) == len(layers) else None


def _dropouts(layers: list[Any]) -> tuple[Any | None, ...] | None:
    """For each dense layer the Dropout behind it, or None; None for all where there is anything else."""
    found: list[Any | None] = []
    for layer in layers:
        if type(layer) is keras.layers.Dense:
            found.append(None)
        elif type(layer) is not keras.layers.Dropout or not _is_usual(layer) or found[-1] is not None:
            return None
        elif layer.rate:
            found[-1] = layer
    return tuple(found)


def _is_usual(dropout: Any) -> bool:
    """Whether each number is kept or dropped by itself, and not all are dropped."""
    return dropout.noise_shape is None and dropout.rate < 1 and dropout.dtype_policy.name == "float32"


def _is_plain(layer: Any) -> bool:
    """Whether a dense layer has a bias, and nothing beside it."""
    if layer.bias is None or layer.lora_enabled or layer.dtype_policy.name != "float32":
        return False
    if any(getattr(layer, name) is not None for name in _FREE_OF) or "call" in vars(layer):
        return False
    # by identity: a function of a user's may be called so too
    return getattr(keras.activations, layer.activation.__name__, None) is layer.activation


def _all_that_is_trained(model: Any, dense: list[Any]) -> bool:
    ours = [id(variable) for layer in dense for variable in (layer.kernel, layer.bias)]
    return [id(variable) for variable in model.trainable_variables] == ours


def _affine(layers: list[Any], features: int) -> Affine | None:
    """What flattening and at most one scaling do to a row; None for anything else."""
    scaling = [layer for layer in layers if type(layer) is not keras.layers.Flatten]
    shift, scale, offset = (_of_features(value, (features,)) for value in (0, 1, 0))
    if len(scaling) > 1:
        return None
    for layer in scaling:
        if layer.dtype_policy.name != "float32" or keras.config.image_data_format() != "channels_last":
            return None
        shape = tuple(layer._inbound_nodes[0].input_tensors[0].shape[1:])
        if None in shape or int(np.prod(shape)) != features:
            return None
        if type(layer) is keras.layers.Rescaling:
            scale, offset = (_of_features(value, shape) for value in (layer.scale, layer.offset))
        elif type(layer) is keras.layers.Normalization and layer.built and not layer.invert:
            deviation = np.sqrt(np.asarray(layer.variance, np.float32))
            shift = _of_features(layer.mean, shape)
            scale = _of_features(1 / np.maximum(deviation, np.float32(keras.config.epsilon())), shape)
        else:
            return None
    return Affine(shift, scale, offset)


def _of_features(values: Any, shape: tuple[int, ...]) -> Floats:
    """`values`, which are broadcast to `shape`, as float32 (features,)."""
    array = np.asarray(values, np.float32)
    array = array[0] if array.ndim > len(shape) else array
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)


def _loss(model: Any, last: Any) -> tuple[int, float] | None:
    """The loss as the kernels call it, and its weight."""
    given = model._compile_loss
    if given is None or keras.tree.is_nested(given._user_loss) or given._user_loss is None:
        return None
    loss = given._user_loss if isinstance(given._user_loss, keras.Loss) else _loss_named(given._user_loss)
    if loss is None or loss.get_config() != {**type(loss)().get_config(), "name": loss.name}:
        return None
    kind = LOSSES.get((last.activation.__name__, type(loss)))
    weights = keras.tree.flatten(given._user_loss_weights)
    return None if kind is None else (kind, 1.0 if weights in ([], [None]) else float(weights[0]))


def _loss_named(name: Any) -> Any:
    """The loss of a name that `compile` takes, such as "mse"; None for a function."""
    found = keras.losses.get(name) if isinstance(name, str) else None
    by_function = {keras.losses.get(kind().name): kind for _, kind in LOSSES}
    kind = by_function.get(found)
    return kind() if kind is not None else None


def _fit(chain: Chain, rows: Rows) -> bool:
    """Whether x, y and the weights have shapes that the kernels take, and labels are of classes there are."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
    x = keras.tree.flatten(x)
    if y is None or keras.tree.is_nested(y) or keras.tree.is_nested(weight) or len(x) != 1:
        return False
    inputs, target = rows.tensors[x[0]], rows.tensors[y]
    units = chain.layers[-1].units
    if int(np.prod(inputs.shape[1:])) != chain.layers[0].kernel.shape[0] or inputs.dtype == tf.string:
        return False
    if weight is not None and len(rows.tensors[weight].shape) != 1:
        return False
    columns = tuple(target.shape[1:])
    if chain.loss == SPARSE:
        labels = np.asarray(target)
        return columns in ((), (1,)) and labels.min() >= 0 and labels.max() < units
    return columns == (units,) or (columns == () and units == 1)
