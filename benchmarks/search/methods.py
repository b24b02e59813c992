"""The compared ways to search. To add one: a line in `METHODS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import optuna

from benchmarks.search.by_keras_tuner import KerasTunerSearch, bayesian_optimization, hyperband, random_search
from benchmarks.search.by_optuna import of_optuna, of_this_project
from benchmarks.search.task import Params, Task
from benchmarks.search.trajectory import Tried

#: trials of a task, a seed and a portfolio, as long as somebody asks for the next one
Search = Callable[[Task, int, Sequence[Params]], Iterator[Tried]]


@dataclass(frozen=True)
class Method:
    """One way to search.

    Attributes:
        title: in the tables.
        search: its trials.
        most: after so many trials it is ended, whatever the budget.
        dear: it takes minutes for each search, so only `--full` runs it, with one seed.
    """

    title: str
    search: Search
    most: int = 300
    dear: bool = False


#: the default that the others are compared with
REFERENCE = "tpe-hyperband"

#: how many configurations the longest portfolio has
LONGEST = 8

METHODS = {
    "random": Method("random search", of_this_project("random", "none")),
    "optuna": Method("Optuna as it is", of_optuna()),
    "optuna-median": Method("Optuna with its median pruner", of_optuna(optuna.pruners.MedianPruner)),
    "keras-tuner-random": Method("KerasTuner RandomSearch", KerasTunerSearch(random_search)),
    "keras-tuner-bayesian": Method(
        "KerasTuner BayesianOptimization", KerasTunerSearch(bayesian_optimization), most=60, dear=True
    ),
    "keras-tuner-hyperband": Method("KerasTuner Hyperband", KerasTunerSearch(hyperband)),
    "tpe": Method("tpe, no pruner", of_this_project("tpe", "none")),
    "tpe-hyperband": Method("tpe, hyperband", of_this_project("tpe", "hyperband")),
    "tpe-median": Method("tpe, median", of_this_project("tpe", "median")),
    "tpe-median-of-60": Method("tpe that sees 60 trials, median", of_this_project("tpe", "median", limit=60)),
    "tpe-median-loss": Method("tpe, median, on the loss", of_this_project("tpe", "median", loss=True)),
    "default-median": Method("tpe, median, a learned default", of_this_project("tpe", "median", starts=1)),
    "portfolio-4": Method("tpe, a portfolio of 4", of_this_project("tpe", "none", starts=4)),
    "portfolio-8": Method("tpe, a portfolio of 8", of_this_project("tpe", "none", starts=8)),
    "portfolio-4-median": Method("tpe, median, a portfolio of 4", of_this_project("tpe", "median", starts=4)),
    "portfolio-8-median": Method("tpe, median, a portfolio of 8", of_this_project("tpe", "median", starts=8)),
}
