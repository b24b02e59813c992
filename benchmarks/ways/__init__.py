"""The ways of running the same configurations; a new one takes one file and one line.

A file has `run(job) -> Outcome`: it imports and loads the data, starts the clock, searches, and stops the clock. All
ways use the same build function, the same arrays and batch size 32, and print nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Way:
    """A way: its title in tables, its module, and the package that it needs besides this project's."""

    title: str
    module: str
    needs: str

    @property
    def installed(self) -> bool:
        """Whether its package is installed."""
        return find_spec(self.needs) is not None


WAYS = {
    "this": Way("this project", "benchmarks.ways.this", "sweeps"),
    "keras_tuner": Way("KerasTuner", "benchmarks.ways.with_keras_tuner", "keras_tuner"),
    "tutorial": Way("tutorial way", "benchmarks.ways.tutorial", "optuna_integration"),
    "ray_tune": Way("Ray Tune", "benchmarks.ways.ray_tune", "ray"),
}
