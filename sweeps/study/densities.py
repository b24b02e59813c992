"""The densities that TPE compares, at once for all candidates, kernels and hyperparameters.

Optuna computes the masses of the kernels by a Python function, one after the other. These agree with its own to about
ten digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from scipy.special import ndtr

Array = NDArray[np.float64]


def log_density(estimator: _ParzenEstimator, points: Array) -> Array:
    """The logarithm of a mixture's density.

    Args:
        points: (n, hyperparameters), in Optuna's internal representation.
    """
    mixture = estimator._mixture_distribution
    of_kernels = np.log(mixture.weights)[np.newaxis]
    with np.errstate(divide="ignore"):
        for values, kernels in zip(points.T, mixture.distributions, strict=True):
            of_kernels = of_kernels + _log_kernels(values, kernels)
    most = of_kernels.max(axis=1)
    return np.asarray(np.log(np.exp(of_kernels - most[:, np.newaxis]).sum(axis=1)) + most)


def _log_kernels(values: Array, kernels: Any) -> Array:
    """(values, kernels): the logarithm of each kernel's density at each value."""
    if isinstance(kernels, _BatchedCategoricalDistributions):
        return np.asarray(np.log(kernels.weights.T[values.astype(int)]))
    low, high = kernels.adapted_low, kernels.adapted_high
    whole = np.log(_mass((low - kernels.mu) / kernels.sigma, (high - kernels.mu) / kernels.sigma))
    if kernels.step:
        # of few values, and of trials that share theirs, each is computed once
        values, of_value = np.unique(values, return_inverse=True)
        pairs, of_kernel = np.unique(kernels.mu + 1j * kernels.sigma, return_inverse=True)
        mu, sigma = pairs.real, pairs.imag
        left, right = values - kernels.step / 2, values + kernels.step / 2
        if kernels.is_log:
            left, right = np.log(left), np.log(right)
        mass = _mass((left[:, np.newaxis] - mu) / sigma, (right[:, np.newaxis] - mu) / sigma)
        return np.asarray(np.log(mass)[np.ix_(of_value, of_kernel)] - whole)
    if kernels.is_log:
        values = np.log(values)
    away = (values[:, np.newaxis] - kernels.mu) / kernels.sigma
    return np.asarray(-(away**2) / 2 - np.log(2 * np.pi) / 2 - np.log(kernels.sigma) - whole)


def _mass(a: Array, b: Array) -> Array:
    """The mass of a normal distribution between `a` and `b`, taken in its left tail, where it has all its digits."""
    right = a > 0
    return np.asarray(ndtr(np.where(right, -a, b)) - ndtr(np.where(right, -b, a)))
