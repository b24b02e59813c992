"""The layers of a chain as blocks: a dense layer, and the normalization, activation and Dropout after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
from keras.regularizers import L2

if TYPE_CHECKING:  # Numba may be missing
    from sweeps.dense_kernels.network import Layer

_UNSET = (
    "bias_regularizer", "gamma_regularizer", "beta_regularizer", "activity_regularizer",
    "kernel_constraint", "bias_constraint", "gamma_constraint", "beta_constraint", "lora_enabled", "renorm",
    "synchronized",
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A dense layer and what follows it.

    Attributes:
        dense: Keras's dense layer.
        activation: the name of its activation, or of an activation layer's after it.
        normalization: the BatchNormalization, or None.
        is_normalized_last: whether the normalization follows the activation.
        dropout: the Dropout layer, or None.
    """

    dense: Any
    activation: str
    normalization: Any | None = None
    is_normalized_last: bool = False
    dropout: Any | None = None

    @property
    def variables(self) -> tuple[Any, ...]:
        """What is trained, in Keras's order."""
        norm = self.normalization
        biases = () if self.dense.bias is None else (self.dense.bias,)
        return (self.dense.kernel, *biases, *(() if norm is None else (norm.gamma, norm.beta)))

    def layer(self) -> Layer:
        """The block's description for the kernels."""
        from sweeps.dense_kernels.network import Layer, Normalization

        norm = self.normalization
        return Layer(
            self.dense.units,
            self.activation,
            0.0 if self.dropout is None else self.dropout.rate,
            None if norm is None else Normalization(norm.momentum, norm.epsilon, self.is_normalized_last),
            self.dense.bias is not None,
            0.0 if self.dense.kernel_regularizer is None else float(self.dense.kernel_regularizer.l2),
        )


def blocks_of(layers: list[Any]) -> tuple[list[Any], tuple[Block, ...], list[Any]] | None:
    """The layers before the first dense one, the blocks, and the layers after the last; None for any other chain."""
    dense = [i for i, layer in enumerate(layers) if type(layer) is keras.layers.Dense]
    if not dense:
        return None
    end = dense[-1] + 1
    if end < len(layers) and type(layers[end]) in (keras.layers.Activation, keras.layers.Softmax):
        end += 1
    blocks: list[Block] = []
    for layer in layers[dense[0] : end]:
        block = _started(layer) if type(layer) is keras.layers.Dense else _continued(blocks.pop(), layer)
        if block is None:
            return None
        blocks.append(block)
    return layers[: dense[0]], tuple(blocks), layers[end:]


def _started(dense: Any) -> Block | None:
    """The block of a dense layer with one of Keras's activations, and at most the squares of its kernel in the loss."""
    activation = _name(dense.activation)
    if activation is None or not _is_plain(dense) or type(dense.kernel_regularizer) not in (type(None), L2):
        return None
    return Block(dense, activation)


def _continued(block: Block, layer: Any) -> Block | None:
    """The block with one more layer; None where the kernels cannot do it."""
    if not _is_plain(layer):
        return None
    if type(layer) is keras.layers.Dropout and not layer.rate:
        return block
    if block.dropout is not None:
        return None
    if type(layer) is keras.layers.Dropout:
        return replace(block, dropout=layer) if layer.noise_shape is None and layer.rate < 1 else None
    if type(layer) is keras.layers.BatchNormalization:
        if block.normalization is not None or not _is_usual(layer):
            return None
        return replace(block, normalization=layer, is_normalized_last=block.activation != "linear")
    activation = _of_layer(layer)
    if activation is None or block.activation != "linear":
        return None
    return replace(block, activation=activation)


def _is_usual(norm: Any) -> bool:
    """Whether a BatchNormalization of rows has gamma and beta and is trained."""
    return norm.axis in (-1, 1) and norm.center and norm.scale and norm.trainable and norm.epsilon > 0


def _is_plain(layer: Any) -> bool:
    """Whether a layer is Keras's own in float32, without regularizers, constraints and the like."""
    if layer.dtype_policy.name != "float32" or "call" in vars(layer):
        return False
    return not any(getattr(layer, name, None) for name in _UNSET)


def _of_layer(layer: Any) -> str | None:
    """The name of the activation that a layer applies to each row, or None."""
    if type(layer) is keras.layers.Activation:
        return _name(layer.activation)
    for kind, name in ((keras.layers.ReLU, "relu"), (keras.layers.ELU, "elu"), (keras.layers.Softmax, "softmax")):
        if type(layer) is kind:
            usual = kind().get_config()
            config = layer.get_config()
            return name if all(config[key] == usual[key] for key in usual if key not in ("name", "dtype")) else None
    return None


def _name(activation: Any) -> str | None:
    """The name of one of Keras's activations; None for any other function or layer."""
    name = getattr(activation, "__name__", "")
    # by identity: a user's function may have the same name
    return name if getattr(keras.activations, name, None) is activation else None
