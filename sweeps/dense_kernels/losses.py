"""Losses of a batch and their gradients with respect to the last layer's outputs.

The last layer's activation is part of the loss, as in Keras, which computes cross-entropies from logits.
"""

from __future__ import annotations

import numpy as np

from sweeps.dense_kernels.approximations import sigmoid
from sweeps.dense_kernels.compiling import jit

SPARSE, ONE_HOT, BINARY, SQUARED = range(4)
#: by the name of Keras's loss; the last layer's activation is a softmax, a softmax, a sigmoid, and none
BY_NAME = {
    "sparse_categorical_crossentropy": SPARSE,
    "categorical_crossentropy": ONE_HOT,
    "binary_crossentropy": BINARY,
    "mean_squared_error": SQUARED,
}
_ZERO = np.float32(0)


@jit
def loss_and_errors(network, labels, targets, weights, order, begin, scratch, predictions):  # type: ignore[no-untyped-def]
    """Compute a batch's loss; fill `predictions`, and the last layer's errors in `scratch` with the loss's gradient.

    Args:
        network: `kernels.NetworkArrays`.
        labels: int32 (n,), for the loss `SPARSE`.
        targets: float32 (n, outputs), for the other losses.
        weights: float32 (n,), sample weights; (0,) where there are none.
        order: int32 (rows,), indices of the batch's rows.
        begin: index of the last layer's outputs in `scratch.outputs`.
        predictions: float32 (rows, outputs).

    Returns:
        The weighted mean loss, float32.
    """
    rows, units = predictions.shape
    total = _ZERO
    for row in range(rows):
        source = order[row]
        weight = network.loss_weight / np.float32(rows)
        if weights.size:
            weight *= weights[source]
        place = begin + row * network.strides[-1]
        out, error = scratch.outputs[place : place + units], scratch.errors[place : place + units]
        predicted = predictions[row]
        loss = _ZERO
        if network.loss == SPARSE or network.loss == ONE_HOT:
            highest = out[0]
            for j in range(1, units):
                highest = out[j] if out[j] > highest else highest
            exp_sum = _ZERO
            for j in range(units):
                predicted[j] = np.exp(out[j] - highest)
                exp_sum += predicted[j]
            log_sum_exp = np.log(exp_sum) + highest
            for j in range(units):
                predicted[j] /= exp_sum
                target = targets[source, j] if network.loss == ONE_HOT else np.float32(labels[source] == j)
                target = target * network.target_scale + network.target_offset
                loss += target * (log_sum_exp - out[j])
                error[j] = (predicted[j] - target) * weight  # as in TensorFlow, whatever the sum of the targets is
        elif network.loss == BINARY:
            for j in range(units):
                target = targets[source, j] * network.target_scale + network.target_offset
                predicted[j] = sigmoid(out[j])
                # -log(sigmoid) without overflow, as in `tf.nn.sigmoid_cross_entropy_with_logits`
                positive = out[j] if out[j] > _ZERO else _ZERO
                loss += positive - out[j] * target + np.log1p(np.exp(-abs(out[j])))
                error[j] = (predicted[j] - target) * weight / np.float32(units)
            loss /= np.float32(units)
        else:
            for j in range(units):
                predicted[j] = out[j] * network.output_scale[j] + network.output_offset[j]
                distance = predicted[j] - targets[source, j]
                loss += distance * distance
                error[j] = np.float32(2) * distance * network.output_scale[j] * weight / np.float32(units)
            loss /= np.float32(units)
        total += loss * weight
    return total


@jit
def penalty(network):  # type: ignore[no-untyped-def]
    """The sum of the kernels' squares, each times its layer's factor."""
    total = _ZERO
    for layer in range(network.penalties.size):
        if network.penalties[layer] != _ZERO:
            first, size = network.offsets[layer], network.widths[layer] * network.strides[layer + 1]
            squares = _ZERO
            for i in range(first, first + size):
                squares += network.weights[i] * network.weights[i]
            total += network.penalties[layer] * squares
    return total
