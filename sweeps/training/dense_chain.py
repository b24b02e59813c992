"""Conversion of a Keras model that is a chain of dense layers to a network of `sweeps.dense_kernels`.

The kernels know nothing of Keras: this file decides which models and optimizers they can train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.models.functional import Functional

from sweeps import dense_kernels
from sweeps.training.build import loss_by_name, only_output
from sweeps.training.deferred import can_be_deferred
from sweeps.training.dense_blocks import Block, blocks_of
from sweeps.training.preprocessing import nodes
from sweeps.training.rows import Rows

if TYPE_CHECKING:  # Numba may be missing
    from sweeps.dense_kernels.network import Affine, Floats, Network

#: the kernels' name of a loss, by the last layer's activation and Keras's loss
LOSSES: dict[tuple[str, type], str] = {
    ("softmax", keras.losses.SparseCategoricalCrossentropy): "sparse_categorical_crossentropy",
    ("softmax", keras.losses.CategoricalCrossentropy): "categorical_crossentropy",
    ("sigmoid", keras.losses.BinaryCrossentropy): "binary_crossentropy",
    ("linear", keras.losses.MeanSquaredError): "mean_squared_error",
}


@dataclass(frozen=True)
class Chain:
    """A model of blocks of dense layers, with a rescaling at either end.

    Attributes:
        network: the model's description for the kernels.
        blocks: Keras's layers, from the inputs to the outputs.
    """

    network: Network
    blocks: tuple[Block, ...]


def chain_of(model: Any, training: Rows, validation: Rows | None) -> Chain | None:
    """`model` as a chain; None where the kernels cannot train it, or not on these rows.

    Args:
        model: a compiled and built Keras model.
        training, validation: the rows to train and to validate on.
    """
    if type(model) not in (keras.Sequential, Functional) or model.jit_compile:
        return None
    layers = _layers_in_a_row(model)
    if layers is None or dense_kernels.supported() is not None:
        return None
    from sweeps.training.dense_optimizers import is_supported

    parts = blocks_of(layers) if is_supported(model.optimizer) else None
    network = _network(model, *parts) if parts is not None else None
    if parts is None or network is None:
        return None
    for rows in (training, validation):
        if rows is not None and not (can_be_deferred(model, rows) and _fits(network, rows)):
            return None
    return Chain(network, parts[1])


def _layers_in_a_row(model: Any) -> list[Any] | None:
    """The layers of a model that is a plain chain of distinct layers; None for any other model."""
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


def _network(model: Any, before: list[Any], blocks: tuple[Block, ...], after: list[Any]) -> Network | None:
    """The model's description for the kernels; None where they do not support an activation, the loss or a scaling."""
    from sweeps.dense_kernels.activations import BY_NAME
    from sweeps.dense_kernels.network import Network

    trained = [id(variable) for block in blocks for variable in block.variables]
    if [id(variable) for variable in model.trainable_variables] != trained:
        return None
    inputs, last = blocks[0].dense.kernel.shape[0], blocks[-1]
    scalings = _affine(before, inputs), _affine(after, last.dense.units)
    loss = _loss(model, last.activation)
    if scalings[0] is None or scalings[1] is None or loss is None:
        return None
    if last.normalization is not None or any(block.activation not in BY_NAME for block in blocks[:-1]):
        return None
    if after and loss["loss"] != "mean_squared_error":
        return None
    layers = tuple(block.layer() for block in blocks)
    return Network(inputs, layers, input_scaling=scalings[0], output_scaling=scalings[1], **loss)


def _affine(layers: list[Any], features: int) -> Affine | None:
    """Flattening and at most one scaling as an affine map of a row; None for any other layer."""
    from sweeps.dense_kernels.network import Affine

    scaling = [layer for layer in layers if type(layer) is not keras.layers.Flatten]
    if not scaling:
        return Affine.identity(features)
    layer = scaling[0]
    if len(scaling) > 1 or layer.dtype_policy.name != "float32":
        return None
    shape = tuple(layer._inbound_nodes[0].input_tensors[0].shape[1:])
    if None in shape or int(np.prod(shape)) != features or keras.config.image_data_format() != "channels_last":
        return None
    if type(layer) is keras.layers.Rescaling:
        shift, scale, offset = 0, layer.scale, layer.offset
    elif type(layer) is keras.layers.Normalization and layer.built and not layer.invert:
        deviation = np.sqrt(np.asarray(layer.variance, np.float32))
        shift, scale, offset = layer.mean, 1 / np.maximum(deviation, np.float32(keras.config.epsilon())), 0
    else:
        return None
    return Affine(*(_broadcast(values, shape) for values in (shift, scale, offset)))


def _broadcast(values: Any, shape: tuple[int, ...]) -> Floats:
    """`values`, broadcast to `shape`, as float32 (features,)."""
    array = np.asarray(values, np.float32)
    array = array[0] if array.ndim > len(shape) else array
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)


def _loss(model: Any, activation: str) -> dict[str, Any] | None:
    """The loss, its weight and its label smoothing for the kernels; None where they do not support it."""
    compiled = model._compile_loss
    if compiled is None or keras.tree.is_nested(compiled._user_loss) or compiled._user_loss is None:
        return None
    loss = compiled._user_loss if isinstance(compiled._user_loss, keras.Loss) else _loss_named(compiled._user_loss)
    kind = LOSSES.get((activation, type(loss)))
    if loss is None or kind is None:
        return None
    config = loss.get_config()
    usual = {**type(loss)().get_config(), "name": loss.name}
    smoothing = config.get("label_smoothing", 0.0)
    if config != usual | ({"label_smoothing": smoothing} if "label_smoothing" in usual else {}):
        return None
    weights = keras.tree.flatten(compiled._user_loss_weights)
    weight = 1.0 if weights in ([], [None]) else float(weights[0])
    return {"loss": kind, "loss_weight": weight, "label_smoothing": smoothing}


def _loss_named(name: Any) -> Any:
    """The loss of a name such as "mse"; None for a function."""
    by_function = {keras.losses.get(kind().name): kind for _, kind in LOSSES}
    kind = by_function.get(loss_by_name(name)) if isinstance(name, str) else None
    return kind() if kind is not None else None


def _fits(network: Network, rows: Rows) -> bool:
    """Whether the kernels support the shapes of x, y and the weights, and each label is one of the classes."""
    x, y, weight = keras.utils.unpack_x_y_sample_weight(rows.structure)
    x = keras.tree.flatten(x)
    if y is None or keras.tree.is_nested(y) or keras.tree.is_nested(weight) or len(x) != 1:
        return False
    inputs, target = rows.tensors[x[0]], rows.tensors[y]
    units = network.widths[-1]
    if int(np.prod(inputs.shape[1:])) != network.inputs or inputs.dtype == tf.string:
        return False
    if weight is not None and len(rows.tensors[weight].shape) != 1:
        return False
    columns = tuple(target.shape[1:])
    if network.loss == "sparse_categorical_crossentropy":
        labels = np.asarray(target)
        return columns in ((), (1,)) and labels.min() >= 0 and labels.max() < units
    return columns == (units,) or (columns == () and units == 1)
