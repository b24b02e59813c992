"""The ways of running the same configurations; one more is one file and one line.

A file has `run(job) -> Outcome`: it does what comes once a process (imports, data), starts the clock,
searches, stops it. All are given the same build function, the same arrays, batch size 32, and are silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Way:
    """A way: its name in tables, its file, and the package that it needs beside this project's own."""

    title: str
    module: str
    needs: str

    @property
    def installed(self) -> bool:
        """Whether it can be run here."""
        return find_spec(self.needs) is not None


WAYS = {
    "this": Way("this project", "benchmarks.ways.this", "sweeps"),
    "keras_tuner": Way("KerasTuner", "benchmarks.ways.with_keras_tuner", "keras_tuner"),
    "tutorial": Way("tutorial way", "benchmarks.ways.tutorial", "optuna_integration"),
    "ray_tune": Way("Ray Tune", "benchmarks.ways.ray_tune", "ray"),
}
