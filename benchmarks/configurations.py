"""The 12 configurations that every way runs, in this order.

The first is the chapter's own classifier (300-100, SGD 0.01). The others were drawn once, by `drawn()`, from
`space.build_model`: the chapter's search space (neurons, learning rate 1e-4 to 1e-2 on a logarithmic scale,
SGD or Adam) with a width for each layer and 1 to 4 layers of 16 to 300, so that 300-100 is a point of it.
They are written down so that they can be reviewed; a test draws them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

#: Hands-On Machine Learning seeds its searches with it
SEED = 42
BATCH_SIZE = 32
PIXELS = 28 * 28
CLASSES = 10

#: what the search space allows, bounds included
HIDDEN, NEURONS, LEARNING_RATE, OPTIMIZERS = (1, 4), (16, 300), (1e-4, 1e-2), ("sgd", "adam")

Configuration = Mapping[str, int | float | str]


def _of(widths: Sequence[int], learning_rate: float, optimizer: str) -> Configuration:
    """The hyperparameters of a network, under the names that `space.build_model` asks for."""
    layers = {f"n_neurons_{layer}": width for layer, width in enumerate(widths)}
    return {"n_hidden": len(widths), **layers, "learning_rate": learning_rate, "optimizer": optimizer}


CONFIGURATIONS: tuple[Configuration, ...] = (
    _of([300, 100], 0.01, "sgd"),
    _of([236], 0.00075, "sgd"),
    _of([40, 214, 73, 42], 0.0089, "adam"),
    _of([220, 240, 162, 52], 0.0008, "adam"),
    _of([68, 280], 0.0019, "sgd"),
    _of([171, 142, 144, 80], 0.0013, "adam"),
    _of([260], 0.0018, "adam"),
    _of([232], 0.00051, "sgd"),
    _of([143, 270, 209, 237], 0.00025, "sgd"),
    _of([157, 28], 0.0002, "adam"),
    _of([278, 228, 120], 0.00045, "adam"),
    _of([121, 37, 149, 242], 0.00018, "sgd"),
)


def widths(configuration: Configuration) -> tuple[int, ...]:
    """Units of each layer from the pixels to the classes: `(784, 300, 100, 10)`."""
    hidden = (int(configuration[f"n_neurons_{layer}"]) for layer in range(int(configuration["n_hidden"])))
    return (PIXELS, *hidden, CLASSES)


def label(configuration: Configuration) -> str:
    """`300-100 sgd 0.01`."""
    hidden = "-".join(map(str, widths(configuration)[1:-1]))
    return f"{hidden} {configuration['optimizer']} {configuration['learning_rate']:g}"


def drawn(count: int = 11) -> list[Configuration]:
    """The draw from the search space that `CONFIGURATIONS` was written down from."""
    generator = np.random.default_rng(SEED)
    found = []
    for _ in range(count):
        n_hidden = int(generator.integers(*HIDDEN, endpoint=True))
        neurons = generator.integers(*NEURONS, size=n_hidden, endpoint=True).tolist()
        learning_rate = float(f"{10 ** generator.uniform(*np.log10(LEARNING_RATE)):.2g}")
        optimizer = str(generator.choice(OPTIMIZERS))
        found.append(_of(neurons, learning_rate, optimizer))
    return found
