"""A network, its parameters and its optimizer as plain values and arrays: what the kernels are told.

network.py -> runner.py -> kernels.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.llvm import BYTES
from sweeps.dense_kernels.products import padded_rows, padded_width

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Affine:
    """`(x - shift) * scale + offset`, each float32 (features,)."""

    shift: Floats
    scale: Floats
    offset: Floats

    @classmethod
    def identity(cls, features: int) -> Affine:
        """What changes nothing."""
        zeros, ones = np.zeros(features, np.float32), np.ones(features, np.float32)
        return cls(zeros, ones, zeros)


@dataclass(frozen=True)
class Layer:
    """`activation(x @ kernel + bias)`, then Dropout.

    Attributes:
        units: its outputs.
        activation: a name of `activations.BY_NAME`; of the last layer it is not read, but follows from the loss.
        dropout: the share of its outputs that are dropped, `0 <= dropout < 1`.
    """

    units: int
    activation: str = "linear"
    dropout: float = 0.0


@dataclass(frozen=True)
class Network:
    """Dense layers in a row, and what they are trained for.

    Attributes:
        inputs: features of a row.
        layers: from the inputs to the outputs.
        loss: a name of `losses.BY_NAME`.
        input_scaling: what the first layer takes in place of a row.
        output_scaling: its scale and offset make the last layer's outputs the predictions, under the squared error.
        loss_weight: what the loss is multiplied with.
    """

    inputs: int
    layers: tuple[Layer, ...]
    loss: str
    input_scaling: Affine
    output_scaling: Affine
    loss_weight: float = 1.0

    @property
    def widths(self) -> tuple[int, ...]:
        """(layers + 1,): the inputs, and each layer's units."""
        return (self.inputs, *(layer.units for layer in self.layers))


class Parameters:
    """The weights of a network, what the optimizer remembers of each, and the states of its Dropout layers.

    A layer of n inputs has n + 1 rows of weights, the last of which is its bias. Rows are filled up to whole vectors
    (`products.padded_width`), and layers follow each other in one array.

    Args:
        network: whose.
        moments: how many numbers the optimizer remembers of a weight: 0, 1 (a velocity) or 2 (Adam's means of the
            gradients and of their squares).

    Attributes:
        strides: int64 (layers + 1,), floats from a row of each layer's inputs (and of the outputs) to the next.
        offsets: int64 (layers,), where in `arrays` a layer begins.
        arrays: float32 (size,) each: the weights, and two of moments; those that there are none of have size 0.
        dropout_states: int64 (layers, 2), TensorFlow's state of each Dropout: a seed, and the calls so far.
    """

    def __init__(self, network: Network, moments: int) -> None:
        self._widths = network.widths
        self.strides = np.array([padded_width(width + 1) for width in self._widths], np.int64)
        sizes = [padded_rows(width + 1) * stride for width, stride in zip(self._widths, self.strides[1:], strict=False)]
        self._ends = list(accumulate(sizes))
        self.offsets = np.array([0, *self._ends[:-1]], np.int64)
        self.arrays: tuple[Floats, ...] = tuple(aligned(sum(sizes) if i <= moments else 0) for i in range(3))
        self._kept = self.arrays[: moments + 1]
        self.dropout_states = np.zeros((len(network.layers), 2), np.int64)

    def kernels(self, layer: int) -> tuple[Floats, ...]:
        """Views, float32 (inputs, units): a layer's kernel, and its moments."""
        return tuple(matrix[:-1] for matrix in self._matrices(layer))

    def biases(self, layer: int) -> tuple[Floats, ...]:
        """Views, float32 (units,): a layer's bias, and its moments."""
        return tuple(matrix[-1] for matrix in self._matrices(layer))

    def _matrices(self, layer: int) -> list[Floats]:
        inputs, units, stride = self._widths[layer], self._widths[layer + 1], self.strides[layer + 1]
        some = slice(self.offsets[layer], self._ends[layer])
        return [array[some].reshape(-1, stride)[: inputs + 1, :units] for array in self._kept]


def aligned(size: int, kind: npt.DTypeLike = np.float32) -> Any:
    """Zeros (size,) that begin where a vector may."""
    room = np.zeros(size * np.dtype(kind).itemsize + BYTES, np.uint8)
    begin = -room.ctypes.data % BYTES
    return room[begin : begin + size * np.dtype(kind).itemsize].view(kind)
