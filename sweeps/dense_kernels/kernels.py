"""The steps of a chain of dense layers: forward, loss, backward, update; one kernel for all depths and widths.

A column of ones is appended to the inputs of each layer: the bias is a row of its weights. Without a bias it is a
column of zeros, which are skipped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import uintp

from sweeps.dense_kernels.compiling import jit, kernel
from sweeps.dense_kernels.denormals import flush_denormals, restore
from sweeps.dense_kernels.hidden import finish, unfinish, vectors_of
from sweeps.dense_kernels.losses import loss_and_errors, penalty
from sweeps.dense_kernels.memory import CACHE_LINE, prefetch
from sweeps.dense_kernels.products import descent_step, mark_columns, mark_rows, product, transpose

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


class NetworkArrays(NamedTuple):
    """A `network.Network` and its `network.Parameters` in the form that compiled code takes.

    Attributes:
        widths: int64 (layers + 1,), from the inputs to the outputs.
        strides, offsets: as in `network.Parameters`.
        activations: int64 (layers,), values of `activations.BY_NAME`; the last one is not used.
        ones: float32 (layers,), 1 for a layer with a bias, 0 for one without.
        penalties: float32 (layers,), the factor of the sum of the kernel's squares in the loss.
        normalizations: int64 (layers,), where a layer is normalized: a value of `normalization`.
        normalization_constants: float32 (layers, 3), see `normalization.batch_statistics`.
        weights, moment_1, moment_2: `network.Parameters.arrays`.
        input_shift, input_scale, input_offset: float32 (inputs,).
        output_scale, output_offset: float32 (outputs,).
        loss: a value of `losses.BY_NAME`.
        loss_weight: factor of the loss.
        target_scale, target_offset: label smoothing as an affine map of the targets of a cross-entropy.
        dropout_thresholds: uint64 (layers,), see `dropout.thresholds`; 0 for none.
        dropout_scales: float32 (layers,), factors of the outputs that are kept.
        dropout_states: int64 (layers, 2).
    """

    widths: Integers
    strides: Integers
    offsets: Integers
    activations: Integers
    ones: Floats
    penalties: Floats
    normalizations: Integers
    normalization_constants: Floats
    weights: Floats
    moment_1: Floats
    moment_2: Floats
    input_shift: Floats
    input_scale: Floats
    input_offset: Floats
    output_scale: Floats
    output_offset: Floats
    loss: int
    loss_weight: np.float32
    target_scale: np.float32
    target_offset: np.float32
    dropout_thresholds: npt.NDArray[np.uint64]
    dropout_scales: Floats
    dropout_states: Integers


class Scratch(NamedTuple):
    """Work memory of a step; the padding of rows stays zero.

    Attributes:
        rows: rows of the largest batch.
        outputs, slopes, errors: float32, (rows, stride) for each layer, preceded by that of the inputs.
        normalized: as these, the outputs of normalizations before gamma and beta; size 0 where there are none.
        kept: as these, the factors of Dropout after `AFTER_ACTIVATION`.
        statistics: float32 (layers, 2, widest stride), mean and inverse deviation of each column.
        gradients: float32 (2 * widest stride,), of gamma and beta of one layer.
        factors: float32, the factors of Dropout in one layer.
        transposed: float32, the transpose of one layer's weights.
        row_marks: uint64, bit masks of the nonzero columns of each row, in one layer.
        column_marks: uint32, bit masks of the nonzero rows of each column, in one layer.
    """

    rows: int
    outputs: Floats
    slopes: Floats
    errors: Floats
    normalized: Floats
    kept: Floats
    statistics: Floats
    gradients: Floats
    factors: Floats
    transposed: Floats
    row_marks: npt.NDArray[np.uint64]
    column_marks: npt.NDArray[np.uint32]


@jit
def gather(x, order, network, outputs):  # type: ignore[no-untyped-def]
    """Write the rows `order` of `x` (n, inputs), scaled, and a column of ones to the first layer's inputs."""
    width, stride = network.widths[0], network.strides[0]
    for row in range(order.size):
        source, target = x[order[row]], outputs[row * stride : row * stride + width]
        for j in range(target.size):
            shifted = np.float32(source[j]) - network.input_shift[j]
            target[j] = shifted * network.input_scale[j] + network.input_offset[j]
        outputs[row * stride + width] = network.ones[0]


@jit
def prefetch_rows(x, order):  # type: ignore[no-untyped-def]
    """Prefetch the rows `order` of `x` into the cache, in parallel with the computations that follow."""
    for row in range(order.size):
        begin = x[order[row]].ctypes.data
        for place in range(0, x.shape[1] * x.itemsize, CACHE_LINE):
            prefetch(uintp(begin + place))


@jit
def forward(network, rows, scratch, step, training):  # type: ignore[no-untyped-def]
    """Compute all layers; return the index in `scratch.outputs` of the last one's outputs, before its activation."""
    begin, last = 0, network.widths.size - 2
    for layer in range(last + 1):
        stride, width, stride_out = network.strides[layer], network.widths[layer + 1], network.strides[layer + 1]
        end = begin + scratch.rows * stride
        a = uintp(scratch.outputs[begin:].ctypes.data)
        marks = uintp(scratch.row_marks.ctypes.data)
        mark_rows(a, rows, stride, marks)
        w = uintp(network.weights[network.offsets[layer] :].ctypes.data)
        product(a, marks, rows, stride, w, vectors_of(width), stride_out, uintp(scratch.outputs[end:].ctypes.data))
        if layer < last:
            finish(network, layer, rows, end, scratch, step, training)
        begin = end
    return begin


@jit
def backward(network, update, step, rows, begin, scratch):  # type: ignore[no-untyped-def]
    """Propagate the last layer's errors back and update the weights of all layers.

    Args:
        begin: index of the last layer's errors in `scratch.errors`.
    """
    for layer in range(network.widths.size - 2, -1, -1):
        width, stride = network.widths[layer], network.strides[layer]
        width_out, stride_out = network.widths[layer + 1], network.strides[layer + 1]
        end, begin = begin, begin - scratch.rows * stride
        errors, a = uintp(scratch.errors[end:].ctypes.data), uintp(scratch.outputs[begin:].ctypes.data)
        weight = network.offsets[layer]
        w = uintp(network.weights[weight:].ctypes.data)
        if layer:  # before the weights are updated
            transposed, marks = uintp(scratch.transposed.ctypes.data), uintp(scratch.row_marks.ctypes.data)
            transpose(w, vectors_of(width_out), stride_out, transposed, vectors_of(width), stride)
            mark_rows(errors, rows, stride_out, marks)
            below = uintp(scratch.errors[begin:].ctypes.data)
            product(errors, marks, rows, stride_out, transposed, vectors_of(width), stride, below)
            unfinish(network, layer - 1, rows, begin, scratch, update, step)
        marks = uintp(scratch.column_marks.ctypes.data)
        mark_columns(a, rows, stride, marks)
        descent_step(
            a, marks, rows, stride, width + 1, errors, vectors_of(width_out), stride_out, update, step,
            np.float32(2) * network.penalties[layer], w,
            uintp(network.moment_1[weight:].ctypes.data), uintp(network.moment_2[weight:].ctypes.data),
        )  # fmt: skip


@kernel
def train(network, update, x, labels, targets, weights, order, rows, start, stop, scratch, losses, predictions):  # type: ignore[no-untyped-def]
    """Run the steps `start <= step < stop` of `rows` rows each; the last step of `order` may have fewer.

    Subnormal floats are flushed to zero, as in TensorFlow's threads. An operation on one takes about a hundred cycles,
    and the moments of a weight whose gradient stays zero become subnormal and remain so.

    Args:
        labels, targets, weights: see `losses.loss_and_errors`.
        x: uint8 or float32 (n, inputs).
        order: int32 (m,), indices of the rows.
        losses: float32 (steps,), filled.
        predictions: float32 (m, outputs), filled.
    """
    control = flush_denormals()
    for step in range(start, stop):
        batch = order[step * rows : (step + 1) * rows]
        gather(x, batch, network, scratch.outputs)
        prefetch_rows(x, order[(step + 1) * rows : (step + 2) * rows])
        training = update.rates.size > 0
        begin = forward(network, batch.size, scratch, step, training)
        predicted = predictions[step * rows : step * rows + batch.size]
        loss = loss_and_errors(network, labels, targets, weights, batch, begin, scratch, predicted)
        losses[step] = loss + penalty(network)
        if training:
            backward(network, update, step, batch.size, begin, scratch)
    restore(control)
