"""`Runner`: the interface of the kernels for other packages."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels import activations, cache, dropout, losses, normalization
from sweeps.dense_kernels.kernels import NetworkArrays, Scratch, train
from sweeps.dense_kernels.network import Affine, Floats, Layer, Network, Normalization, Parameters, aligned
from sweeps.dense_kernels.products import COLUMN_WORD, WORD, padded_rows
from sweeps.dense_kernels.updates import NO_UPDATE, Update

#: steps of the first call of the kernel, and about the longest time of a call: signals are handled in between
FIRST_STEPS, SECONDS_A_CALL = 256, 0.5
_NONE: Floats = np.empty(0, np.float32)


class Runner:
    """Trains a network on rows of data, or predicts them.

    Args:
        network: the network's description.
        parameters: its parameters, updated in place; several runners may share them.
        x: uint8 or float32 (n, inputs), C-contiguous.
        targets: labels, int32 (n,), for the loss `sparse_categorical_crossentropy`; else float32 (n, outputs).
        sample_weights: float32 (n,), or None.
        batch_size: rows a step; the last step may have fewer.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        x: npt.NDArray[np.uint8 | np.float32],
        targets: npt.NDArray[np.int32 | np.float32],
        sample_weights: Floats | None,
        batch_size: int,
    ) -> None:
        sparse = losses.BY_NAME[network.loss] == losses.SPARSE
        self.batch_size = batch_size
        self._units = network.widths[-1]
        self._x = _read_only(x)
        self._labels = _read_only(targets if sparse else np.empty(0, np.int32))
        self._targets = _read_only(np.empty((0, 0), np.float32) if sparse else targets)
        self._weights = _read_only(_NONE if sample_weights is None else sample_weights)
        self._network = _network_arrays(network, parameters)
        self._scratch = _scratch(network, parameters, batch_size)
        self._predictions = np.empty((0, self._units), np.float32)

    def compile(self) -> None:
        """Load the kernel from disk, or compile it; no step is taken.

        Raises:
            Exception: any of Numba's: the kernel cannot be compiled.
        """
        attempts = 4  # a kernel that cannot be written stays in memory, where the next attempt finds it
        for attempt in range(1, attempts + 1):
            try:
                self._call(np.empty(0, np.int32), NO_UPDATE, 0, 0, _NONE)
                return
            except Exception:  # a damaged file of the cache, a full disk
                if attempt == attempts:
                    raise
                cache.discard()

    def run(self, order: npt.NDArray[np.int32], update: Update | None = None) -> tuple[Floats, Floats]:
        """Run all steps of `order`.

        Args:
            order: int32 (m,), indices of the rows.
            update: the optimizer's update with as many steps; None: predict only, without Dropout.

        Returns:
            The loss of each step before its update, float32 (steps,), and the predictions in the order of `order`,
            float32 (m, outputs), which the next run overwrites.
        """
        steps = -(-len(order) // self.batch_size)
        step_losses = np.empty(steps, np.float32)
        if len(self._predictions) != len(order):
            self._predictions = np.empty((len(order), self._units), np.float32)
        start, size = 0, FIRST_STEPS
        while start < steps:
            stop, began = min(start + size, steps), time.perf_counter()
            self._call(order, update or NO_UPDATE, start, stop, step_losses)
            if time.perf_counter() - began < SECONDS_A_CALL:
                size *= 2
            start = stop
        return step_losses, self._predictions

    def _call(self, order: npt.NDArray[np.int32], update: Update, start: int, stop: int, step_losses: Floats) -> None:
        train(
            self._network, update, self._x, self._labels, self._targets, self._weights, order, self.batch_size,
            start, stop, self._scratch, step_losses, self._predictions,
        )  # fmt: skip


def compile_kernels() -> None:
    """Load the kernels for uint8 and float32 inputs from disk, or compile them."""
    network = Network(1, (Layer(1),), "mean_squared_error", Affine.identity(1), Affine.identity(1))
    for kind in (np.uint8, np.float32):
        x: Any = np.zeros((1, 1), kind)
        Runner(network, Parameters(network, 0), x, np.zeros((1, 1), np.float32), None, 1).compile()


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view: Numba would compile a second kernel for writable arrays."""
    view = array.view()
    view.flags.writeable = False
    return view


def _network_arrays(network: Network, parameters: Parameters) -> NetworkArrays:
    before, after = network.input_scaling, network.output_scaling
    rates = [layer.dropout for layer in network.layers]
    uniform = 1 / 2 if losses.BY_NAME[network.loss] == losses.BINARY else 1 / network.widths[-1]
    return NetworkArrays(
        widths=np.array(network.widths, np.int64),
        strides=parameters.strides,
        offsets=parameters.offsets,
        activations=np.array(
            [activations.BY_NAME.get(layer.activation, activations.LINEAR) for layer in network.layers], np.int64
        ),
        ones=np.array([layer.use_bias for layer in network.layers], np.float32),
        penalties=np.array([layer.l2 for layer in network.layers], np.float32),
        normalizations=np.array([_place(layer.normalization) for layer in network.layers], np.int64),
        normalization_constants=np.array([_constants(layer.normalization) for layer in network.layers], np.float32),
        weights=parameters.arrays[0],
        moment_1=parameters.arrays[1],
        moment_2=parameters.arrays[2],
        input_shift=np.array(before.shift, np.float32),
        input_scale=np.array(before.scale, np.float32),
        input_offset=np.array(before.offset, np.float32),
        output_scale=np.array(after.scale, np.float32),
        output_offset=np.array(after.offset, np.float32),
        loss=losses.BY_NAME[network.loss],
        loss_weight=np.float32(network.loss_weight),
        target_scale=np.float32(1 - network.label_smoothing),
        target_offset=np.float32(network.label_smoothing * uniform),
        dropout_thresholds=dropout.thresholds(np.array(rates, np.float32)),
        dropout_scales=np.array([1 / (1 - rate) for rate in rates], np.float32),
        dropout_states=parameters.dropout_states,
    )


def _place(layer: Normalization | None) -> int:
    if layer is None:
        return normalization.NOWHERE
    return normalization.AFTER_ACTIVATION if layer.after_activation else normalization.BEFORE_ACTIVATION


def _constants(layer: Normalization | None) -> tuple[float, float, float]:
    return (0, 0, 0) if layer is None else (layer.momentum, 1 - layer.momentum, layer.epsilon)


def _scratch(network: Network, parameters: Parameters, rows: int) -> Scratch:
    """Work memory for steps of at most `rows` rows."""
    strides, widths = parameters.strides, network.widths
    widest, size = int(strides.max()), rows * int(strides.sum())
    normalized = [layer.normalization for layer in network.layers if layer.normalization is not None]
    transposed = max(padded_rows(out + 1) * stride for out, stride in zip(widths[1:], strides, strict=False))
    return Scratch(
        rows=rows,
        outputs=aligned(size),
        slopes=aligned(size),
        errors=aligned(size),
        normalized=aligned(size if normalized else 0),
        kept=aligned(size if any(one.after_activation for one in normalized) else 0),
        statistics=np.zeros((len(network.layers), 2, widest), np.float32),
        gradients=aligned(2 * widest),
        factors=aligned(rows * widest + 3),
        transposed=aligned(int(transposed)),
        row_marks=aligned(rows * -(-widest // WORD), np.uint64),
        column_marks=aligned(-(-rows // COLUMN_WORD) * widest, np.uint32),
    )
