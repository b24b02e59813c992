"""The description of a network, and its parameters as arrays.

network.py -> runner.py -> kernels.py
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.llvm import BYTES
from sweeps.dense_kernels.normalization import BETA, GAMMA, MOVING_MEAN, MOVING_VARIANCE
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
        """The identity on float32 (features,)."""
        zeros, ones = np.zeros(features, np.float32), np.ones(features, np.float32)
        return cls(zeros, ones, zeros)


@dataclass(frozen=True)
class Normalization:
    """Batch normalization with Keras's `momentum` and `epsilon > 0`, before or after the activation."""

    momentum: float = 0.99
    epsilon: float = 1e-3
    after_activation: bool = False


@dataclass(frozen=True)
class Layer:
    """`activation(x @ kernel + bias)`, normalized or not, then Dropout.

    Attributes:
        units: the number of outputs.
        activation: a name of `activations.BY_NAME`; not used for the last layer, where the loss determines it.
        dropout: the share of outputs that are dropped, `0 <= dropout < 1`.
        normalization: not for the last layer.
        use_bias: False: the bias stays zero.
        l2: the factor of the sum of the kernel's squares in the loss.
    """

    units: int
    activation: str = "linear"
    dropout: float = 0.0
    normalization: Normalization | None = None
    use_bias: bool = True
    l2: float = 0.0


@dataclass(frozen=True)
class Network:
    """A chain of dense layers and its loss.

    Attributes:
        inputs: features of a row.
        layers: from the inputs to the outputs.
        loss: a name of `losses.BY_NAME`.
        input_scaling: applied to each row before the first layer.
        output_scaling: its scale and offset are applied to the last layer's outputs, under the squared error.
        loss_weight: factor of the loss.
        label_smoothing: the share of each target that is spread over all classes, under a cross-entropy.
    """

    inputs: int
    layers: tuple[Layer, ...]
    loss: str
    input_scaling: Affine
    output_scaling: Affine
    loss_weight: float = 1.0
    label_smoothing: float = 0.0

    @property
    def widths(self) -> tuple[int, ...]:
        """(layers + 1,): the inputs, and each layer's units."""
        return (self.inputs, *(layer.units for layer in self.layers))


class Parameters:
    """The weights of a network, the optimizer's moments of each, and the states of its Dropout layers.

    A layer with n inputs has n + 1 rows of weights, the last of which is its bias. After their padding
    (`products.padded_rows`) come four rows of its normalization: gamma, beta, moving mean and moving variance. Rows are
    padded to whole vectors (`products.padded_width`); the layers follow each other in one array.

    Args:
        network: the network's description.
        moments: numbers that the optimizer keeps for each weight: 0, 1 (a velocity) or 2 (Adam's running means of the
            gradient and its square).

    Attributes:
        strides: int64 (layers + 1,), floats from row to row of each layer's inputs, and of the outputs.
        offsets: int64 (layers,), index of each layer in `arrays`.
        arrays: float32 (size,) each: the weights and two moments; unused moments have size 0.
        dropout_states: int64 (layers, 2), TensorFlow's state of each Dropout layer: a seed and the number of calls.
    """

    def __init__(self, network: Network, moments: int) -> None:
        self._widths = network.widths
        self.strides = np.array([padded_width(width + 1) for width in self._widths], np.int64)
        sizes = [
            (padded_rows(width + 1) + 4) * stride for width, stride in zip(self._widths, self.strides[1:], strict=False)
        ]
        self._ends = list(accumulate(sizes))
        self.offsets = np.array([0, *self._ends[:-1]], np.int64)
        self.arrays: tuple[Floats, ...] = tuple(aligned(sum(sizes) if i <= moments else 0) for i in range(3))
        self._used_arrays = self.arrays[: moments + 1]
        self.dropout_states = np.zeros((len(network.layers), 2), np.int64)
        for i in range(len(network.layers)):
            self.gammas(i)[0][:] = self.moving_statistics(i)[1][:] = 1

    def kernels(self, layer: int) -> tuple[Floats, ...]:
        """Views of a layer's kernel and its moments, float32 (inputs, units) each."""
        return tuple(matrix[: self._widths[layer]] for matrix in self._matrices(layer))

    def biases(self, layer: int) -> tuple[Floats, ...]:
        """Views of a layer's bias and its moments, float32 (units,) each."""
        return tuple(matrix[self._widths[layer]] for matrix in self._matrices(layer))

    def gammas(self, layer: int) -> tuple[Floats, ...]:
        """Views of the factor after a layer's normalization and its moments, float32 (units,) each."""
        return tuple(rows[GAMMA] for rows in self._normalizations(layer))

    def betas(self, layer: int) -> tuple[Floats, ...]:
        """Views of the summand after a layer's normalization and its moments, float32 (units,) each."""
        return tuple(rows[BETA] for rows in self._normalizations(layer))

    def moving_statistics(self, layer: int) -> tuple[Floats, Floats]:
        """Views of the moving mean and the moving variance of a layer's normalization, float32 (units,) each."""
        rows = self._normalizations(layer)[0]
        return rows[MOVING_MEAN], rows[MOVING_VARIANCE]

    def _normalizations(self, layer: int) -> list[Floats]:
        return [matrix[padded_rows(self._widths[layer] + 1) :] for matrix in self._matrices(layer)]

    def _matrices(self, layer: int) -> list[Floats]:
        units, stride = self._widths[layer + 1], self.strides[layer + 1]
        place = slice(self.offsets[layer], self._ends[layer])
        return [array[place].reshape(-1, stride)[:, :units] for array in self._used_arrays]


def aligned(size: int, kind: npt.DTypeLike = np.float32) -> Any:
    """Zeros (size,), aligned for vectors."""
    memory = np.zeros(size * np.dtype(kind).itemsize + BYTES, np.uint8)
    begin = -memory.ctypes.data % BYTES
    return memory[begin : begin + size * np.dtype(kind).itemsize].view(kind)
