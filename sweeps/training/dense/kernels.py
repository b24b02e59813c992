"""The steps of a chain of dense layers: forward, loss, back, update; one kernel for all depths and widths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sweeps.training.dense.activations import activate, sigmoid
from sweeps.training.dense.blas import PLAIN, TRANSPOSED, product
from sweeps.training.dense.compiling import kernel
from sweeps.training.dense.updates import is_plain, update

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
SPARSE, ONE_HOT, BINARY, SQUARED = range(4)
#: numbers of a gradient that are made and used up before the next: 64 KB, which a core keeps at hand beside its weights
BLOCK = 16_384
_ZERO, _ONE = np.float32(0), np.float32(1)


class Network(NamedTuple):
    """A chain of dense layers.

    Attributes:
        widths: int64 (layers + 1,), from the inputs to the outputs.
        activations: int64 (layers,), the last one unused: it belongs to the loss.
        weights, first, second: float32 (parameters,): each layer's kernel (row by row), then its bias; and
            what the optimizer remembers of them.
        shift, scale, offset: float32 (inputs,): the first layer takes `(x - shift) * scale + offset`.
        out_scale, out_offset: float32 (outputs,): what is predicted is the last layer's output times
            `out_scale` plus `out_offset`.
        loss: `SPARSE`, `ONE_HOT`, `BINARY` or `SQUARED`.
        loss_weight: what the loss is multiplied with.
    """

    widths: Integers
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


class Memory(NamedTuple):
    """What a step works in: activations, slopes and errors, float32, of a batch in every layer; a block of
    gradients; and what a matrix product is called with."""

    outputs: Floats
    slopes: Floats
    errors: Floats
    gradients: Floats
    call: tuple[npt.NDArray[np.int32], Floats, npt.NDArray[np.uint8]]


@kernel
def gather(x, order, network, out):  # type: ignore[no-untyped-def]
    """The rows `order` of `x` (n, inputs), scaled, into `out`, float32 (rows, inputs)."""
    for row in range(order.size):
        source, target = x[order[row]], out[row]
        for j in range(target.size):
            target[j] = (np.float32(source[j]) - network.shift[j]) * network.scale[j] + network.offset[j]


@kernel
def forward(sgemm, network, rows, memory):  # type: ignore[no-untyped-def]
    """From the first layer's inputs to the last one's outputs, before its activation."""
    begin, weight, last = 0, 0, network.widths.size - 2
    for layer in range(last + 1):
        n_in, n_out = network.widths[layer], network.widths[layer + 1]
        bias = weight + n_in * n_out
        end = begin + rows * n_in
        z = memory.outputs[end : end + rows * n_out]
        product(
            sgemm, PLAIN, PLAIN, rows, n_out, n_in, _ONE, (memory.outputs[begin:].ctypes.data, n_in),
            (network.weights[weight:].ctypes.data, n_out), _ZERO, (z.ctypes.data, n_out), memory.call,
        )  # fmt: skip
        z = z.reshape(rows, n_out)
        if layer < last:
            slopes = memory.slopes[end : end + rows * n_out].reshape(rows, n_out)
            activate(network.activations[layer], z, network.weights[bias : bias + n_out], slopes)
        else:
            for row in range(rows):
                for j in range(n_out):
                    z[row, j] += network.weights[bias + j]
        begin, weight = end, bias + n_out
    return begin


@kernel
def losses_of(network, labels, targets, weights, order, z, errors, predictions):  # type: ignore[no-untyped-def]
    """The mean loss of a batch; its predictions; the derivative by `z` into `errors`.

    Args:
        labels: int32 (n,), for `SPARSE`; targets: float32 (n, outputs), for all others.
        weights: float32 (n,) of the rows, or (0,) where all weigh the same.
        z, errors, predictions: float32 (rows, outputs).
    """
    rows, units = z.shape
    total = _ZERO
    for row in range(rows):
        source = order[row]
        weight = network.loss_weight / np.float32(rows)
        if weights.size:
            weight *= weights[source]
        out, error, predicted = z[row], errors[row], predictions[row]
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


@kernel
def backward(sgemm, network, rule, step, rows, begin, memory):  # type: ignore[no-untyped-def]
    """From the errors of the last layer to new weights in all.

    Args:
        begin: where in memory the last layer's outputs begin.
    """
    weight = network.weights.size
    for layer in range(network.widths.size - 2, -1, -1):
        n_in, n_out = network.widths[layer], network.widths[layer + 1]
        bias = weight - n_out
        weight = bias - n_in * n_out
        end, begin = begin, begin - rows * n_in
        errors = memory.errors[end : end + rows * n_out].reshape(rows, n_out)
        if layer:  # before the weights move
            below = memory.errors[begin:end]
            product(
                sgemm, PLAIN, TRANSPOSED, rows, n_in, n_out, _ONE, (errors.ctypes.data, n_out),
                (network.weights[weight:].ctypes.data, n_out), _ZERO, (below.ctypes.data, n_in), memory.call,
            )  # fmt: skip
            slopes = memory.slopes[begin:end]
            for i in range(below.size):
                below[i] *= slopes[i]
        gradient = memory.gradients[:n_out]
        gradient[:] = _ZERO
        for row in range(rows):
            for j in range(n_out):
                gradient[j] += errors[row, j]
        update(
            rule, step, network.weights[bias : bias + n_out], gradient, network.first[bias : bias + n_out],
            network.second[bias : bias + n_out],
        )  # fmt: skip
        descend(sgemm, network, rule, step, rows, (n_in, n_out), weight, begin, end, memory)


@kernel
def descend(sgemm, network, rule, step, rows, shape, weight, begin, end, memory):  # type: ignore[no-untyped-def]
    """New weights of one layer's kernel, (n_in, n_out), which begin at `weight`."""
    n_in, n_out = shape
    errors = (memory.errors[end:].ctypes.data, n_out)
    if is_plain(rule, step):
        out = (network.weights[weight:].ctypes.data, n_out)
        inputs = (memory.outputs[begin:].ctypes.data, n_in)
        product(sgemm, TRANSPOSED, PLAIN, n_in, n_out, rows, -rule.rates[step], inputs, errors, _ONE, out, memory.call)
        return
    at_once = max(1, BLOCK // n_out)
    for start in range(0, n_in, at_once):
        count = min(at_once, n_in - start)
        gradient = memory.gradients[: count * n_out]
        inputs = (memory.outputs[begin + start :].ctypes.data, n_in)
        product(
            sgemm, TRANSPOSED, PLAIN, count, n_out, rows, _ONE, inputs, errors, _ZERO, (gradient.ctypes.data, n_out),
            memory.call,
        )  # fmt: skip
        some = slice(weight + start * n_out, weight + (start + count) * n_out)
        update(rule, step, network.weights[some], gradient, network.first[some], network.second[some])


@kernel
def train(sgemm, network, rule, x, labels, targets, weights, order, rows, start, stop, memory, losses, predictions):  # type: ignore[no-untyped-def]
    """Steps `start <= step < stop`, of `rows` rows each, except that the last one of `order` may have fewer.

    Args:
        x: uint8 or float32 (n, inputs).
        order: int32 (m,), the rows in their order.
        losses: float32 (steps,), filled.
        predictions: float32 (m, outputs), filled.
    """
    for step in range(start, stop):
        some = order[step * rows : (step + 1) * rows]
        n_in, n_out = network.widths[0], network.widths[-1]
        gather(x, some, network, memory.outputs[: some.size * n_in].reshape(some.size, n_in))
        begin = forward(sgemm, network, some.size, memory)
        z = memory.outputs[begin : begin + some.size * n_out].reshape(some.size, n_out)
        errors = memory.errors[begin : begin + some.size * n_out].reshape(some.size, n_out)
        predicted = predictions[step * rows : step * rows + some.size]
        losses[step] = losses_of(network, labels, targets, weights, some, z, errors, predicted)
        if rule.rates.size:
            backward(sgemm, network, rule, step, some.size, begin, memory)
