"""The lower bound (floor): a configuration's matrix products, timed alone in NumPy on one core.

A training step needs, for each layer, the forward product and the weights' gradient, and for all layers but the first
the inputs' gradient; a validation step needs the forward products. Nothing else is timed: no gathering of rows,
scaling, activation, loss, metric or update.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_info, threadpool_limits

from benchmarks.configurations import BATCH_SIZE, CONFIGURATIONS, widths
from benchmarks.records import Floor

Matrix = npt.NDArray[np.float32]
#: repetitions of each epoch; the median counts
REPEATS = 3


@dataclass(frozen=True)
class Product:
    """A (rows, inner) matrix times an (inner, columns) one."""

    kind: str  # "forward", "weights" or "inputs"
    layer: int
    rows: int
    inner: int
    columns: int

    @property
    def flops(self) -> int:
        """One multiplication and one addition for each inner element."""
        return 2 * self.rows * self.inner * self.columns


def forward_products(units: Sequence[int], batch: int) -> list[Product]:
    """The products of a forward pass; `units` are the widths from the input to the output."""
    return [Product("forward", layer, batch, *pair) for layer, pair in enumerate(pairwise(units))]


def training_products(units: Sequence[int], batch: int) -> list[Product]:
    """The products of a training step: forward, then backward from the last layer to the first."""
    back = []
    for forward in reversed(forward_products(units, batch)):
        n_in, n_out = forward.inner, forward.columns
        back.append(Product("weights", forward.layer, n_in, batch, n_out))
        if forward.layer:
            back.append(Product("inputs", forward.layer, batch, n_out, n_in))
    return forward_products(units, batch) + back


def epoch_seconds(units: Sequence[int], rows: int, training: bool) -> float:
    """Seconds of all products of an epoch over `rows` rows, including the last, smaller batch."""
    products = training_products if training else forward_products
    sizes = [BATCH_SIZE] * (rows // BATCH_SIZE) + [rows % BATCH_SIZE] * (rows % BATCH_SIZE > 0)
    step_by_size = {size: _step(units, size, products(units, size)) for size in set(sizes)}
    steps = [step_by_size[size] for size in sizes]
    timings = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for step in steps:
            step()
        timings.append(time.perf_counter() - began)
    return statistics.median(timings)


def measure(configurations: int, train_rows: int, validation_rows: int, slots: int) -> Floor:
    """Measure the first `configurations` configurations.

    Args:
        slots: number of parallel processes for `Floor.busy`.
    """
    command = [
        sys.executable,
        "-m",
        __name__,
        *map(str, (configurations, train_rows, validation_rows, slots)),
    ]
    # a separate process without other imports: the timed processes inherit them
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True)
    return Floor.model_validate_json(done.stdout)


def main() -> None:
    """Print the `Floor` for the arguments of `measure` as one line of JSON."""
    *arguments, slots = map(int, sys.argv[1:])
    with ProcessPoolExecutor(slots, mp_context=get_context("spawn")) as pool:
        pool.submit(_epochs, 1, BATCH_SIZE, BATCH_SIZE).result()
        train, validate = pool.submit(_epochs, *arguments).result()
        together = [future.result() for future in [pool.submit(_epochs, *arguments) for _ in range(slots)]]
        blas = pool.submit(_blas).result()
    busy = statistics.mean(sum(t) + sum(v) for t, v in together) / (sum(train) + sum(validate))
    result = Floor(training=tuple(train), validation=tuple(validate), busy=busy, blas=blas)
    print(result.model_dump_json())


def _epochs(configurations: int, train_rows: int, validation_rows: int) -> tuple[list[float], list[float]]:
    with threadpool_limits(1):
        units = [widths(configuration) for configuration in CONFIGURATIONS[:configurations]]
        train = [epoch_seconds(each, train_rows, training=True) for each in units]
        return train, [epoch_seconds(each, validation_rows, training=False) for each in units]


def _step(units: Sequence[int], batch: int, products: Sequence[Product]) -> Callable[[], None]:
    """A function that computes the products in preallocated memory, which they share as in a network; transposed
    operands are views."""
    generator = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> Matrix:
        drawn: Matrix = generator.standard_normal((rows, columns), dtype=np.float32)
        return drawn / np.float32(rows**0.5)

    outputs, errors = ([matrix(batch, width) for width in units] for _ in range(2))
    weights, gradients = ([matrix(*pair) for pair in pairwise(units)] for _ in range(2))
    operands: dict[str, Callable[[int], tuple[Matrix, Matrix, Matrix]]] = {
        "forward": lambda i: (outputs[i], weights[i], outputs[i + 1]),
        "weights": lambda i: (outputs[i].T, errors[i + 1], gradients[i]),
        "inputs": lambda i: (errors[i + 1], weights[i].T, errors[i]),
    }
    calls = [operands[product.kind](product.layer) for product in products]

    def step() -> None:
        for left, right, out in calls:
            np.matmul(left, right, out=out)

    return step


def _blas() -> str:
    libraries = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return ", ".join(f"{i['internal_api']} {i['version']} {i.get('architecture', '')}".strip() for i in libraries)


if __name__ == "__main__":
    main()
