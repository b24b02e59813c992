"""Batch normalization of a hidden layer (Ioffe and Szegedy, 2015), before or after its activation.

Its parameters are four rows of the layer's weights, after the bias: see `network.Parameters`. All arrays are those of
one layer; `columns` is its width, rounded up to whole vectors.
"""

from __future__ import annotations

import numpy as np
from numba import uintp

from sweeps.dense_kernels.compiling import jit
from sweeps.dense_kernels.llvm import BYTES
from sweeps.dense_kernels.updates import update_weights
from sweeps.dense_kernels.vectors import load

#: where a layer is normalized
NOWHERE, BEFORE_ACTIVATION, AFTER_ACTIVATION = range(3)
#: rows of weights after the bias; the first two are trained
GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE = range(4)
_ZERO, _ONE = np.float32(0), np.float32(1)


@jit
def batch_statistics(z, rows, stride, columns, constants, parameters, mean, inverse):  # type: ignore[no-untyped-def]
    """Compute the mean and the inverse deviation of each column over a batch, and update the moving statistics.

    Args:
        z: float32 (rows * stride,).
        constants: float32 (3,): the momentum, one minus the momentum, and epsilon.
        parameters: float32 (4, stride).
        mean, inverse: float32 (columns,), filled.
    """
    share, old, new = _ONE / np.float32(rows), constants[0], constants[1]
    moving_mean, moving_variance = parameters[MOVING_MEAN], parameters[MOVING_VARIANCE]
    mean[:] = _ZERO
    inverse[:] = _ZERO
    for row in range(rows):
        values = z[row * stride : row * stride + columns]
        for j in range(columns):
            mean[j] += values[j]
    for j in range(columns):
        mean[j] *= share
        moving_mean[j] = moving_mean[j] * old + mean[j] * new
    for row in range(rows):
        values = z[row * stride : row * stride + columns]
        for j in range(columns):
            distance = values[j] - mean[j]
            inverse[j] += distance * distance
    for j in range(columns):
        variance = inverse[j] * share
        moving_variance[j] = moving_variance[j] * old + variance * new
        inverse[j] = _ONE / np.sqrt(variance + constants[2])


@jit
def moving_statistics(columns, constants, parameters, mean, inverse):  # type: ignore[no-untyped-def]
    """Fill `mean` and `inverse` from the moving statistics; see `batch_statistics`."""
    for j in range(columns):
        mean[j] = parameters[MOVING_MEAN, j]
        inverse[j] = _ONE / np.sqrt(parameters[MOVING_VARIANCE, j] + constants[2])


@jit
def normalize(z, normalized, rows, stride, columns, parameters, mean, inverse):  # type: ignore[no-untyped-def]
    """Fill `normalized` with `(z - mean) * inverse`, and replace `z` by `gamma` times that plus `beta`.

    Args:
        z, normalized: float32 (rows * stride,).
        parameters: float32 (4, stride).
        mean, inverse: float32 (columns,).
    """
    gamma, beta = parameters[GAMMA], parameters[BETA]
    for row in range(rows):
        values = z[row * stride : row * stride + columns]
        kept = normalized[row * stride : row * stride + columns]
        for j in range(columns):
            x = (values[j] - mean[j]) * inverse[j]
            kept[j] = x
            values[j] = x * gamma[j] + beta[j]


@jit
def errors_before(errors, slopes, normalized, rows, stride, columns, gamma, inverse, gradients):  # type: ignore[no-untyped-def]
    """Multiply `errors` by `slopes` and propagate them back through the normalization.

    Args:
        errors, slopes, normalized: float32 (rows * stride,).
        gamma, inverse: float32 (columns,).
        gradients: float32 (2, stride), filled with the loss's gradients with respect to gamma and beta.
    """
    of_gamma, of_beta = gradients[GAMMA], gradients[BETA]
    gradients[:] = _ZERO
    for row in range(rows):
        begin, end = row * stride, row * stride + columns
        error, slope, x = errors[begin:end], slopes[begin:end], normalized[begin:end]
        for j in range(columns):
            error[j] *= slope[j]
            of_beta[j] += error[j]
            of_gamma[j] += error[j] * x[j]
    share = _ONE / np.float32(rows)
    for row in range(rows):
        begin, end = row * stride, row * stride + columns
        error, x = errors[begin:end], normalized[begin:end]
        for j in range(columns):
            error[j] = gamma[j] * inverse[j] * (error[j] - share * (of_beta[j] + x[j] * of_gamma[j]))


@jit
def update_gamma_and_beta(update, step, gradients, parameters, moment_1, moment_2):  # type: ignore[no-untyped-def]
    """One step of the optimizer.

    Args:
        update, step: see `updates.update_weights`.
        gradients: float32 (2, stride).
        parameters, moment_1, moment_2: addresses of gamma, followed by beta, and of their moments.
    """
    begin = gradients.ctypes.data
    for place in range(0, gradients.size * 4, BYTES):
        update_weights(
            update, step, load(1, uintp(begin + place)), _ZERO, uintp(parameters + place), uintp(moment_1 + place),
            uintp(moment_2 + place),
        )  # fmt: skip
