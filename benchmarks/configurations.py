"""The 12 configurations that each way runs, in this order.

The first is the chapter's classifier (300-100, SGD 0.01). The others were drawn by `drawn()` from the chapter's
search space: 0 to 8 hidden layers of one width, 16 to 256; learning rate 1e-4 to 1e-2 on a logarithmic scale; SGD
or Adam. `space.build_model` has a width for each layer, up to 300, so that it contains 300-100. They are listed here
for review; a test draws them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

#: the seed of the searches in Hands-On Machine Learning
SEED = 42
BATCH_SIZE = 32
PIXELS = 28 * 28
CLASSES = 10

#: the ranges of the search space, including the bounds
HIDDEN, NEURONS, LEARNING_RATE, OPTIMIZERS = (0, 8), (16, 300), (1e-4, 1e-2), ("sgd", "adam")
#: the chapter's widths
DRAWN_NEURONS = (16, 256)

Configuration = Mapping[str, int | float | str]


def _of(widths: Sequence[int], learning_rate: float, optimizer: str) -> Configuration:
    """The hyperparameters of a network, by their names in `space.build_model`."""
    layers = {f"n_neurons_{layer}": width for layer, width in enumerate(widths)}
    return {"n_hidden": len(widths), **layers, "learning_rate": learning_rate, "optimizer": optimizer}


CONFIGURATIONS: tuple[Configuration, ...] = (
    _of([300, 100], 0.01, "sgd"),
    _of([], 0.00075, "sgd"),
    _of([36] * 7, 0.00015, "adam"),
    _of([251] * 4, 0.0033, "adam"),
    _of([139] * 7, 0.0008, "sgd"),
    _of([105] * 4, 0.0071, "adam"),
    _of([112] * 5, 0.00077, "adam"),
    _of([70] * 4, 0.0013, "adam"),
    _of([], 0.0018, "adam"),
    _of([198] * 1, 0.00051, "sgd"),
    _of([123] * 8, 0.0036, "adam"),
    _of([62] * 6, 0.00086, "sgd"),
)


def widths(configuration: Configuration) -> tuple[int, ...]:
    """Units of each layer from the pixels to the classes: `(784, 300, 100, 10)`."""
    hidden = (int(configuration[f"n_neurons_{layer}"]) for layer in range(int(configuration["n_hidden"])))
    return (PIXELS, *hidden, CLASSES)


def label(configuration: Configuration) -> str:
    """A configuration as text: `300-100 sgd 0.01`."""
    hidden = list(map(str, widths(configuration)[1:-1]))
    shape = f"{len(hidden)} x {hidden[0]}" if len(set(hidden)) == 1 else "-".join(hidden) or "none"
    return f"{shape} {configuration['optimizer']} {configuration['learning_rate']:g}"


def drawn(count: int = 11) -> list[Configuration]:
    """Draw the configurations of `CONFIGURATIONS` after the first."""
    generator = np.random.default_rng(SEED)
    configurations = []
    for _ in range(count):
        n_hidden = int(generator.integers(*HIDDEN, endpoint=True))
        neurons = [int(generator.integers(*DRAWN_NEURONS, endpoint=True))] * n_hidden
        learning_rate = float(f"{10 ** generator.uniform(*np.log10(LEARNING_RATE)):.2g}")
        optimizer = str(generator.choice(OPTIMIZERS))
        configurations.append(_of(neurons, learning_rate, optimizer))
    return configurations
