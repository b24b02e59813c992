"""What follows the product in a hidden layer: normalization, activation and Dropout, forward and backward."""

from __future__ import annotations

import numpy as np
from numba import uintp

from sweeps.dense_kernels.activations import activate_rows
from sweeps.dense_kernels.compiling import jit
from sweeps.dense_kernels.dropout import apply, draw
from sweeps.dense_kernels.llvm import LANES
from sweeps.dense_kernels.normalization import (
    AFTER_ACTIVATION,
    BEFORE_ACTIVATION,
    GAMMA,
    NOWHERE,
    batch_statistics,
    errors_before,
    moving_statistics,
    normalize,
    update_gamma_and_beta,
)


@jit
def vectors_of(width):  # type: ignore[no-untyped-def]
    """The number of vectors that hold `width` floats."""
    return (width + LANES - 1) // LANES


@jit
def normalization_offset(network, layer):  # type: ignore[no-untyped-def]
    """The index of a layer's gamma in the weights; see `network.Parameters`."""
    return network.offsets[layer] + vectors_of(network.widths[layer] + 1) * LANES * network.strides[layer + 1]


@jit
def finish(network, layer, rows, begin, scratch, step, training):  # type: ignore[no-untyped-def]
    """Apply a hidden layer's normalization, activation and Dropout to its outputs from index `begin` on."""
    width, stride, place = network.widths[layer + 1], network.strides[layer + 1], network.normalizations[layer]
    end, columns = begin + rows * stride, vectors_of(width) * LANES
    outputs, slopes = scratch.outputs[begin:end], scratch.slopes[begin:end]
    if place == AFTER_ACTIVATION:
        activate_rows(network.activations[layer], outputs, slopes, rows, width, stride)
    if place != NOWHERE:
        first, constants = normalization_offset(network, layer), network.normalization_constants[layer]
        parameters = network.weights[first : first + 4 * stride].reshape((4, stride))
        mean, inverse = scratch.statistics[layer, 0, :columns], scratch.statistics[layer, 1, :columns]
        if training:
            batch_statistics(outputs, rows, stride, columns, constants, parameters, mean, inverse)
        else:
            moving_statistics(columns, constants, parameters, mean, inverse)
        normalize(outputs, scratch.normalized[begin:end], rows, stride, columns, parameters, mean, inverse)
    if place != AFTER_ACTIVATION:
        activate_rows(network.activations[layer], outputs, slopes, rows, width, stride)
    for row in range(0, rows * stride, stride):
        outputs[row + width] = network.ones[layer + 1]
        if place == AFTER_ACTIVATION:
            scratch.kept[begin + row : begin + row + width] = np.float32(1)
    if training and network.dropout_thresholds[layer]:
        threshold, scale = network.dropout_thresholds[layer], network.dropout_scales[layer]
        draw(network.dropout_states[layer], step, threshold, scale, rows * width, scratch.factors)
        factored = scratch.kept[begin:end] if place == AFTER_ACTIVATION else slopes
        apply(scratch.factors, width, stride, rows, outputs, factored)


@jit
def unfinish(network, layer, rows, begin, scratch, update, step):  # type: ignore[no-untyped-def]
    """Propagate a hidden layer's errors from index `begin` on back through `finish`; update gamma and beta."""
    width, stride, place = network.widths[layer + 1], network.strides[layer + 1], network.normalizations[layer]
    end, columns = begin + rows * stride, vectors_of(width) * LANES
    errors, slopes = scratch.errors[begin:end], scratch.slopes[begin:end]
    if place != NOWHERE:
        first = normalization_offset(network, layer)
        parameters = network.weights[first : first + 4 * stride].reshape((4, stride))
        gradients = scratch.gradients[: 2 * stride].reshape((2, stride))
        outer = scratch.kept[begin:end] if place == AFTER_ACTIVATION else slopes
        normalized, inverse = scratch.normalized[begin:end], scratch.statistics[layer, 1]
        errors_before(errors, outer, normalized, rows, stride, columns, parameters[GAMMA], inverse, gradients)
        update_gamma_and_beta(
            update, step, gradients, uintp(network.weights[first:].ctypes.data),
            uintp(network.moment_1[first:].ctypes.data), uintp(network.moment_2[first:].ctypes.data),
        )  # fmt: skip
    if place != BEFORE_ACTIVATION:
        for i in range(errors.size):
            errors[i] *= slopes[i]
