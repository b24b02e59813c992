"""The steps of a chain of dense layers: forward, loss, back, update; one kernel for all depths and widths.

What a layer takes has one column more than it has inputs, of ones: the bias is a row of its weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import uintp

from sweeps.dense_kernels.activations import activate, sigmoid
from sweeps.dense_kernels.compiling import kernel, part
from sweeps.dense_kernels.dropout import apply, draw
from sweeps.dense_kernels.products import descend, mark_columns, mark_rows, product, transpose
from sweeps.dense_kernels.vectors import LANES, LINE, prefetch

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
SPARSE, ONE_HOT, BINARY, SQUARED = range(4)
_ZERO, _ONE = np.float32(0), np.float32(1)


class Network(NamedTuple):
    """A chain of dense layers.

    Attributes:
        widths: int64 (layers + 1,), from the inputs to the outputs.
        strides: int64 (layers + 1,), the floats that a row of each takes in memory.
        begins: int64 (layers,), where a layer's weights begin.
        activations: int64 (layers,), the last one unused: it belongs to the loss.
        weights, first, second: float32, what `state.State` holds.
        shift, scale, offset: float32 (inputs,): the first layer takes `(x - shift) * scale + offset`.
        out_scale, out_offset: float32 (outputs,): what is predicted is the last layer's output times
            `out_scale` plus `out_offset`.
        loss: `SPARSE`, `ONE_HOT`, `BINARY` or `SQUARED`.
        loss_weight: what the loss is multiplied with.
        drop_thresholds, drop_scales, drop_seeds: see `dropout.Dropouts`.
    """

    widths: Integers
    strides: Integers
    begins: Integers
    activations: Integers
    weights: Floats
    first: Floats
    second: Floats
    shift: Floats
    scale: Floats
    offset: Floats
    out_scale: Floats
    out_offset: Floats
    loss: int
    loss_weight: np.float32
    drop_thresholds: npt.NDArray[np.uint64]
    drop_scales: Floats
    drop_seeds: Integers


class Memory(NamedTuple):
    """What a step works in; all but the ones is zero beforehand where nothing is written.

    Attributes:
        rows: of the largest batch.
        outputs, slopes, errors: float32, (rows, stride) for each layer, the first for the inputs.
        factors: float32, what the outputs of a layer are multiplied with by Dropout.
        transposed: float32, the transpose of one layer's weights.
        row_marks: uint64, which columns of each row are not zero, in one layer.
        column_marks: uint32, which rows of each column are not zero, in one layer.
    """

    rows: int
    outputs: Floats
    slopes: Floats
    errors: Floats
    factors: Floats
    transposed: Floats
    row_marks: npt.NDArray[np.uint64]
    column_marks: npt.NDArray[np.uint32]


@part
def vectors_of(width):  # type: ignore[no-untyped-def]
    """Vectors that hold as many floats."""
    return (width + LANES - 1) // LANES


@part
def gather(x, order, network, outputs):  # type: ignore[no-untyped-def]
    """The rows `order` of `x` (n, inputs), scaled, and a column of ones, into the memory of the inputs."""
    width, stride = network.widths[0], network.strides[0]
    for row in range(order.size):
        source, target = x[order[row]], outputs[row * stride : row * stride + width]
        for j in range(target.size):
            target[j] = (np.float32(source[j]) - network.shift[j]) * network.scale[j] + network.offset[j]
        outputs[row * stride + width] = _ONE


@part
def fetch(x, order):  # type: ignore[no-untyped-def]
    """Have the rows `order` of `x` brought near, while something else is computed."""
    for row in range(order.size):
        begin = x[order[row]].ctypes.data
        for place in range(0, x.shape[1] * x.itemsize, LINE):
            prefetch(uintp(begin + place))


@part
def forward(network, rows, memory, step, training):  # type: ignore[no-untyped-def]
    """From the first layer's inputs to the last one's outputs, before its activation; where these begin."""
    begin, last = 0, network.widths.size - 2
    for layer in range(last + 1):
        stride, width, stride_out = network.strides[layer], network.widths[layer + 1], network.strides[layer + 1]
        end = begin + memory.rows * stride
        a = uintp(memory.outputs[begin:].ctypes.data)
        marks = uintp(memory.row_marks.ctypes.data)
        mark_rows(a, rows, stride, marks)
        w = uintp(network.weights[network.begins[layer] :].ctypes.data)
        product(a, marks, rows, stride, w, vectors_of(width), stride_out, uintp(memory.outputs[end:].ctypes.data))
        if layer < last:
            for row in range(end, end + rows * stride_out, stride_out):
                activate(
                    network.activations[layer], memory.outputs[row : row + width], memory.slopes[row : row + width]
                )
                memory.outputs[row + width] = _ONE
            if training and network.drop_thresholds[layer]:
                draw(
                    network.drop_seeds[layer], step, network.drop_thresholds[layer], network.drop_scales[layer],
                    rows * width, memory.factors,
                )  # fmt: skip
                apply(memory.factors, width, stride_out, end, rows, memory.outputs, memory.slopes)
        begin = end
    return begin


@part
def losses_of(network, labels, targets, weights, order, begin, memory, predictions):  # type: ignore[no-untyped-def]
    """The mean loss of a batch; its predictions; the derivative by the last layer's outputs into its errors.

    Args:
        labels: int32 (n,), for `SPARSE`; targets: float32 (n, outputs), for all others.
        weights: float32 (n,) of the rows, or (0,) where all weigh the same.
        begin: where in memory the last layer's outputs begin.
        predictions: float32 (rows, outputs).
    """
    rows, units = predictions.shape
    total = _ZERO
    for row in range(rows):
        source = order[row]
        weight = network.loss_weight / np.float32(rows)
        if weights.size:
            weight *= weights[source]
        place = begin + row * network.strides[-1]
        out, error = memory.outputs[place : place + units], memory.errors[place : place + units]
        predicted = predictions[row]
        loss = _ZERO
        if network.loss == SPARSE or network.loss == ONE_HOT:
            highest = out[0]
            for j in range(1, units):
                highest = out[j] if out[j] > highest else highest
            whole = _ZERO
            for j in range(units):
                predicted[j] = np.exp(out[j] - highest)
                whole += predicted[j]
            of_one = np.log(whole) + highest
            for j in range(units):
                predicted[j] /= whole
                target = targets[source, j] if network.loss == ONE_HOT else np.float32(labels[source] == j)
                loss += target * (of_one - out[j])
                error[j] = (predicted[j] - target) * weight  # as TensorFlow, whatever the targets' sum
        elif network.loss == BINARY:
            for j in range(units):
                target = targets[source, j]
                predicted[j] = sigmoid(out[j])
                # -log(sigmoid) without overflow, as `tf.nn.sigmoid_cross_entropy_with_logits`
                above = out[j] if out[j] > _ZERO else _ZERO
                loss += above - out[j] * target + np.log1p(np.exp(-abs(out[j])))
                error[j] = (predicted[j] - target) * weight / np.float32(units)
            loss /= np.float32(units)
        else:
            for j in range(units):
                predicted[j] = out[j] * network.out_scale[j] + network.out_offset[j]
                distance = predicted[j] - targets[source, j]
                loss += distance * distance
                error[j] = np.float32(2) * distance * network.out_scale[j] * weight / np.float32(units)
            loss /= np.float32(units)
        total += loss * weight
    return total


@part
def backward(network, rule, step, rows, begin, memory):  # type: ignore[no-untyped-def]
    """From the errors of the last layer to new weights in all.

    Args:
        begin: where in memory the last layer's errors begin.
    """
    for layer in range(network.widths.size - 2, -1, -1):
        width, stride = network.widths[layer], network.strides[layer]
        width_out, stride_out = network.widths[layer + 1], network.strides[layer + 1]
        end, begin = begin, begin - memory.rows * stride
        errors, a = uintp(memory.errors[end:].ctypes.data), uintp(memory.outputs[begin:].ctypes.data)
        weight = network.begins[layer]
        w = uintp(network.weights[weight:].ctypes.data)
        if layer:  # before the weights move
            transposed, marks = uintp(memory.transposed.ctypes.data), uintp(memory.row_marks.ctypes.data)
            transpose(w, vectors_of(width_out), stride_out, transposed, vectors_of(width), stride)
            mark_rows(errors, rows, stride_out, marks)
            below = uintp(memory.errors[begin:].ctypes.data)
            product(errors, marks, rows, stride_out, transposed, vectors_of(width), stride, below)
            for i in range(begin, begin + rows * stride):
                memory.errors[i] *= memory.slopes[i]
        marks = uintp(memory.column_marks.ctypes.data)
        mark_columns(a, rows, stride, marks)
        descend(
            a, marks, rows, stride, width + 1, errors, vectors_of(width_out), stride_out, rule, step, w,
            uintp(network.first[weight:].ctypes.data), uintp(network.second[weight:].ctypes.data),
        )  # fmt: skip


@kernel
def train(network, rule, x, labels, targets, weights, order, rows, start, stop, memory, losses, predictions):  # type: ignore[no-untyped-def]
    """Steps `start <= step < stop`, of `rows` rows each, except that the last one of `order` may have fewer.

    Args:
        x: uint8 or float32 (n, inputs).
        order: int32 (m,), the rows in their order.
        losses: float32 (steps,), filled.
        predictions: float32 (m, outputs), filled.
    """
    for step in range(start, stop):
        some = order[step * rows : (step + 1) * rows]
        gather(x, some, network, memory.outputs)
        fetch(x, order[(step + 1) * rows : (step + 2) * rows])
        training = rule.rates.size > 0
        begin = forward(network, some.size, memory, step, training)
        predicted = predictions[step * rows : step * rows + some.size]
        losses[step] = losses_of(network, labels, targets, weights, some, begin, memory, predicted)
        if training:
            backward(network, rule, step, some.size, begin, memory)
