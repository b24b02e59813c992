"""Losses of a batch, with their derivatives by the last layer's outputs.

The activation of the last layer belongs to the loss, as in Keras, which computes the cross-entropy of a softmax or a
sigmoid from what these were computed from.
"""

from __future__ import annotations

import numpy as np

from sweeps.dense_kernels.activations import sigmoid
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
    """The mean loss of a batch; its predictions; the derivative by the last layer's outputs into its errors.

    Args:
        network: `kernels.NetworkArrays`.
        labels: int32 (n,), for `SPARSE`; targets: float32 (n, outputs), for all others.
        weights: float32 (n,) of the rows, or (0,) where all weigh the same.
        order: int32 (rows,), the rows of the batch.
        begin: where in `scratch` the last layer's outputs begin.
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
        out, error = scratch.outputs[place : place + units], scratch.errors[place : place + units]
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
                predicted[j] = out[j] * network.output_scale[j] + network.output_offset[j]
                distance = predicted[j] - targets[source, j]
                loss += distance * distance
                error[j] = np.float32(2) * distance * network.output_scale[j] * weight / np.float32(units)
            loss /= np.float32(units)
        total += loss * weight
    return total
