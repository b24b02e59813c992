"""Steps of a network over rows of data: what other packages call."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels import activations, cache, dropout, losses
from sweeps.dense_kernels.kernels import NetworkArrays, Scratch, train
from sweeps.dense_kernels.network import Affine, Floats, Layer, Network, Parameters, aligned
from sweeps.dense_kernels.products import COLUMN_WORD, WORD, padded_rows
from sweeps.dense_kernels.updates import NO_UPDATE, Update

#: steps of the first call of the kernel, and about how long a call may take: signals are met between two
FIRST_STEPS, SECONDS_A_CALL = 256, 0.5
_NONE: Floats = np.empty(0, np.float32)


class Runner:
    """Trains a network on rows of data, or predicts them.

    Args:
        network: what is trained.
        parameters: its parameters, which training changes; several runners may share them.
        x: uint8 or float32 (n, inputs), C-contiguous.
        targets: int32 (n,), labels, for the loss `sparse_categorical_crossentropy`; float32 (n, outputs) for others.
        sample_weights: float32 (n,); None where all rows weigh the same.
        batch_size: rows a step; the last may have fewer.
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
        """Load the kernel, or compile it and keep it on disk; no step is taken.

        Raises:
            Exception: of Numba's; the kernel cannot be compiled.
        """
        attempts = 4  # what cannot be written is kept in memory: of each kernel a second attempt finds it there
        for attempt in range(1, attempts + 1):
            try:
                self._call(np.empty(0, np.int32), NO_UPDATE, 0, 0, _NONE)
                return
            except Exception:  # what was kept on disk is torn, the disk is full
                if attempt == attempts:
                    raise
                cache.discard()

    def run(self, order: npt.NDArray[np.int32], update: Update | None = None) -> tuple[Floats, Floats]:
        """All steps of `order`.

        Args:
            order: int32 (m,), rows in the order in which they are taken.
            update: the optimizer's, as many steps; None: the parameters stay as they are, and nothing is dropped.

        Returns:
            The loss of each step, float32 (steps,), before its update; and the predictions, float32 (m, outputs), in
            the order of `order`, which the next run overwrites.
        """
        steps = -(-len(order) // self.batch_size)
        found = np.empty(steps, np.float32)
        if len(self._predictions) != len(order):
            self._predictions = np.empty((len(order), self._units), np.float32)
        start, size = 0, FIRST_STEPS
        while start < steps:
            stop, began = min(start + size, steps), time.perf_counter()
            self._call(order, update or NO_UPDATE, start, stop, found)
            if time.perf_counter() - began < SECONDS_A_CALL:
                size *= 2
            start = stop
        return found, self._predictions

    def _call(self, order: npt.NDArray[np.int32], update: Update, start: int, stop: int, found: Floats) -> None:
        train(
            self._network, update, self._x, self._labels, self._targets, self._weights, order, self.batch_size,
            start, stop, self._scratch, found, self._predictions,
        )  # fmt: skip


def compile_kernels() -> None:
    """Compile the kernel for bytes and for floats, or load what is on disk."""
    network = Network(1, (Layer(1),), "mean_squared_error", Affine.identity(1), Affine.identity(1))
    for kind in (np.uint8, np.float32):
        x: Any = np.zeros((1, 1), kind)
        Runner(network, Parameters(network, 0), x, np.zeros((1, 1), np.float32), None, 1).compile()


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that cannot be written: Numba would compile anew for one that can."""
    view = array.view()
    view.flags.writeable = False
    return view


def _network_arrays(network: Network, parameters: Parameters) -> NetworkArrays:
    before, after = network.input_scaling, network.output_scaling
    rates = [layer.dropout for layer in network.layers]
    return NetworkArrays(
        widths=np.array(network.widths, np.int64),
        strides=parameters.strides,
        offsets=parameters.offsets,
        activations=np.array(
            [activations.BY_NAME.get(layer.activation, activations.LINEAR) for layer in network.layers], np.int64
        ),
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
        dropout_thresholds=dropout.thresholds(np.array(rates, np.float32)),
        dropout_scales=np.array([1 / (1 - rate) for rate in rates], np.float32),
        dropout_states=parameters.dropout_states,
    )


def _scratch(network: Network, parameters: Parameters, rows: int) -> Scratch:
    """What a step of at most `rows` rows works in."""
    strides, widths = parameters.strides, network.widths
    widest = int(strides.max())
    transposed = max(padded_rows(out + 1) * stride for out, stride in zip(widths[1:], strides, strict=False))
    return Scratch(
        rows=rows,
        outputs=aligned(rows * int(strides.sum())),
        slopes=aligned(rows * int(strides.sum())),
        errors=aligned(rows * int(strides.sum())),
        factors=aligned(rows * widest + 3),
        transposed=aligned(int(transposed)),
        row_marks=aligned(rows * -(-widest // WORD), np.uint64),
        column_marks=aligned(-(-rows // COLUMN_WORD) * widest, np.uint32),
    )
