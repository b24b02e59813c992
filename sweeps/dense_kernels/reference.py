"""A reference implementation of the kernels in NumPy and float64, for tests and for reading.

It imports nothing from the kernels. `reference_activations.py` has the activations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from sweeps.dense_kernels.reference_activations import ACTIVATIONS, Doubles, sigmoid

#: from the gradient of a step's outputs to that of its inputs
Backward = Callable[[Doubles], Doubles]
#: from inputs to outputs, with the way back
Step = Callable[[Doubles], tuple[Doubles, Backward]]


def _activation(name: str) -> Step:
    activation, slope = ACTIVATIONS[name]
    return lambda z: (activation(z), lambda errors: errors * slope(z))


def _factors(factors: Doubles) -> Step:
    return lambda z: (z * factors, lambda errors: errors * factors)


def loss_of(
    loss: str, z: Doubles, targets: npt.NDArray[Any], smoothing: float = 0.0
) -> tuple[Doubles, Doubles, Doubles]:
    """A loss of `losses.BY_NAME` for the last layer's outputs before its activation, (rows, units).

    Returns:
        The loss of each row (rows,), its gradient with respect to z, and the predictions, both (rows, units).
    """
    if loss.endswith("categorical_crossentropy"):
        one_hot = np.eye(z.shape[1])[targets] if loss.startswith("sparse") else targets
        one_hot = one_hot * (1 - smoothing) + smoothing / z.shape[1]
        log_softmax = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        softmax = np.exp(log_softmax)
        return -(one_hot * log_softmax).sum(axis=1), softmax - one_hot, softmax
    if loss == "binary_crossentropy":
        targets = targets * (1 - smoothing) + smoothing / 2
        rows = (np.logaddexp(0, z) - z * targets).mean(axis=1)
        return rows, (sigmoid(z) - targets) / z.shape[1], sigmoid(z)
    return ((z - targets) ** 2).mean(axis=1), 2 * (z - targets) / z.shape[1], z


def dropout_factors(seed: Sequence[int], call: int, rate: float, shape: tuple[int, int]) -> Doubles:
    """Dropout's factors, `1 / (1 - rate)` or 0, from TensorFlow's random numbers for that seed and call."""
    mask, limit = 0xFFFFFFFF, 2**31 - 2
    first, second = int(seed[0]) % limit, int(seed[1] + call) % limit
    keyed = _philox([first, 0, second, 0], 0x3EC8F720, 0x02461E29)
    numbers: list[int] = []
    for group in range(-(-shape[0] * shape[1] // 4)):
        numbers += _philox([group & mask, 0, keyed[2], keyed[3]], keyed[0], keyed[1])
    uniform = np.array([number & 0x7FFFFF for number in numbers[: shape[0] * shape[1]]]) / 2**23
    return np.where(uniform >= np.float32(rate), 1 / (1 - rate), 0.0).reshape(shape)


def _philox(counter: list[int], k0: int, k1: int) -> list[int]:
    """Philox 4x32 in ten rounds (Salmon et al., 2011)."""
    c0, c1, c2, c3 = counter
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c3 ^ k1, a & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


@dataclass
class Optimizer:
    """SGD (with momentum or Nesterov) where `beta_2` and `rho` are None; Adam, or with `nesterov` Nadam, with `beta_2`;
    RMSprop with `rho`, or Adagrad where it is 1. All with decoupled weight decay."""

    learning_rate: float
    weight_decay: float = 0.0
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float | None = None
    rho: float | None = None
    epsilon: float = 1e-7
    steps: int = 0
    moments: dict[tuple[str, int], tuple[Doubles, Doubles]] = field(default_factory=dict)

    def updated(self, name: tuple[str, int], w: Doubles, g: Doubles) -> Doubles:
        """`w` after step number `steps` with the gradient `g`."""
        moments = self.moments.get(name, (np.zeros_like(w), np.zeros_like(w)))
        step = self._rmsprop if self.rho is not None else self._sgd if self.beta_2 is None else self._adam
        change, self.moments[name] = step(g, *moments)
        return w - w * self.learning_rate * self.weight_decay - change

    def _sgd(self, g: Doubles, v: Doubles, unused: Doubles) -> tuple[Doubles, tuple[Doubles, Doubles]]:
        v = self.momentum * v - self.learning_rate * g
        return (self.learning_rate * g - self.momentum * v if self.nesterov else -v), (v, unused)

    def _adam(self, g: Doubles, m: Doubles, v: Doubles) -> tuple[Doubles, tuple[Doubles, Doubles]]:
        assert self.beta_2 is not None
        m, v = m + (g - m) * (1 - self.beta_1), v + (g * g - v) * (1 - self.beta_2)
        correction = 1 - self.beta_2**self.steps
        if not self.nesterov:
            rate = math.sqrt(correction) / (1 - self.beta_1**self.steps)
            return self.learning_rate * rate * m / (np.sqrt(v) + self.epsilon), (m, v)
        u = [self.beta_1 * (1 - 0.5 * 0.96**t) for t in range(1, self.steps + 2)]
        mean = u[-1] * m / (1 - math.prod(u)) + (1 - u[-2]) * g / (1 - math.prod(u[:-1]))
        return self.learning_rate * mean / (np.sqrt(v / correction) + self.epsilon), (m, v)

    def _rmsprop(self, g: Doubles, v: Doubles, p: Doubles) -> tuple[Doubles, tuple[Doubles, Doubles]]:
        assert self.rho is not None
        v = self.rho * v + (1 if self.rho == 1 else 1 - self.rho) * g * g
        p = self.momentum * p + self.learning_rate * g / np.sqrt(v + self.epsilon)
        return p, (v, p)


@dataclass
class Reference:
    """A `network.Network` with its parameters, trained step by step.

    Attributes:
        network: the network's description.
        kernels, biases: (inputs, units) and (units,) for each layer; replaced by training.
        dropout_states: (layers, 2), a seed and the number of calls.
        gammas, betas: (units,) for each layer, of its normalization; replaced by training.
        moving: [mean, variance] for each layer, both (units,); replaced by training.
    """

    network: Any
    kernels: list[Doubles]
    biases: list[Doubles]
    dropout_states: Sequence[Sequence[int]] = ()
    gammas: list[Doubles] = field(default_factory=list)
    betas: list[Doubles] = field(default_factory=list)
    moving: list[list[Doubles]] = field(default_factory=list)

    def step(
        self,
        x: npt.NDArray[Any],
        targets: npt.NDArray[Any],
        weights: npt.NDArray[Any] | None = None,
        optimizer: Optimizer | None = None,
    ) -> tuple[float, Doubles]:
        """The loss and predictions of a batch; afterwards, with an optimizer, the weights are updated.

        Args:
            x: (rows, inputs).
            targets: labels (rows,), or (rows, outputs).
            weights: sample weights, (rows,).
        """
        network, last = self.network, len(self.kernels) - 1
        before, after = network.input_scaling, network.output_scaling
        kernels = list(self.kernels)
        a = (x.astype(np.float64) - before.shift) * before.scale + before.offset
        inputs: list[Doubles] = []
        passes: list[Backward] = []
        for i, layer in enumerate(network.layers):
            inputs.append(a)
            z = a @ self.kernels[i] + self.biases[i]
            if i == last:
                break
            a, back = self._hidden(i, layer, z, optimizer)
            passes.append(back)
        if network.loss == "mean_squared_error":
            z = z * after.scale + after.offset
        losses, errors, predictions = loss_of(network.loss, z, targets, network.label_smoothing)
        if network.loss == "mean_squared_error":
            errors = errors * after.scale
        share = network.loss_weight / len(x) * (np.ones(len(x)) if weights is None else weights)
        if optimizer is not None:
            self._learn(inputs, passes, errors * share[:, None], optimizer)
        penalties = sum(layer.l2 * (w**2).sum() for layer, w in zip(network.layers, kernels, strict=True))
        return float((losses * share).sum() + penalties), predictions

    def _hidden(self, i: int, layer: Any, z: Doubles, optimizer: Optimizer | None) -> tuple[Doubles, Backward]:
        """What follows hidden layer `i`'s product, and the way back through it."""
        norm = layer.normalization
        steps = [self._normalization(i, norm, optimizer)] if norm is not None else []
        steps.insert(0 if norm is not None and norm.after_activation else len(steps), _activation(layer.activation))
        if optimizer is not None and layer.dropout:
            steps.append(_factors(dropout_factors(self.dropout_states[i], optimizer.steps, layer.dropout, z.shape)))
        backs = []
        for step in steps:
            z, back = step(z)
            backs.append(back)
        return z, lambda errors: reduce(lambda e, back: back(e), reversed(backs), errors)

    def _normalization(self, i: int, norm: Any, optimizer: Optimizer | None) -> Step:
        """Batch normalization of layer `i`; on the way back gamma and beta are updated."""

        def forward(z: Doubles) -> tuple[Doubles, Backward]:
            mean, variance = (z.mean(axis=0), z.var(axis=0)) if optimizer is not None else self.moving[i]
            if optimizer is not None:
                self.moving[i] = [
                    old * norm.momentum + new * (1 - norm.momentum)
                    for old, new in zip(self.moving[i], (mean, variance), strict=True)
                ]
            gamma, deviation = self.gammas[i], np.sqrt(variance + norm.epsilon)
            x = (z - mean) / deviation

            def backward(errors: Doubles) -> Doubles:
                assert optimizer is not None
                self.gammas[i] = optimizer.updated(("gamma", i), gamma, (errors * x).sum(axis=0))
                self.betas[i] = optimizer.updated(("beta", i), self.betas[i], errors.sum(axis=0))
                # the derivatives of mean and variance take part
                found: Doubles = gamma / deviation * (errors - errors.mean(axis=0) - x * (errors * x).mean(axis=0))
                return found

            return x * gamma + self.betas[i], backward

        return forward

    def _learn(self, inputs: list[Doubles], passes: list[Backward], errors: Doubles, optimizer: Optimizer) -> None:
        """Propagate the last layer's errors back and update the weights of all layers."""
        optimizer.steps += 1
        for i in reversed(range(len(self.kernels))):
            penalty = 2 * self.network.layers[i].l2 * self.kernels[i]
            gradients = inputs[i].T @ errors + penalty, errors.sum(axis=0)
            if i:
                errors = passes[i - 1](errors @ self.kernels[i].T)
            self.kernels[i] = optimizer.updated(("kernel", i), self.kernels[i], gradients[0])
            if self.network.layers[i].use_bias:
                self.biases[i] = optimizer.updated(("bias", i), self.biases[i], gradients[1])
