"""The `mlp` space on six data sets: a surrogate of the trainings in benchmarks/trainings, with the noise of a seed.

A random forest predicts a configuration's curves; how well it ranks configurations that it has not seen, and how far
two seeds of a configuration are apart, are measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import cross_val_predict

from benchmarks.search.judge import CONFIGURATIONS, Judged
from benchmarks.search.methods import LONGEST
from benchmarks.search.scale import yardstick
from benchmarks.search.task import Curves, Floats, Params, draw
from benchmarks.trainings.make import FILE
from benchmarks.trainings.portfolio import SEARCHED, default_configuration, figures, learn, searched_space, values_of

_ACTIVATIONS = ("relu", "swish", "selu")
#: draws of the noise a data set
_DRAWS = 2


class OwnSpace:
    """One data set; as `Task` says.

    Args:
        name: of the data set.
        table: the trainings on it, of all seeds.
        space: hyperparameter -> its values.
        defaults: the family's.
        number: of the draw of the noise.
    """

    def __init__(
        self,
        name: str,
        table: pd.DataFrame,
        space: Mapping[str, BaseDistribution],
        defaults: Params,
        number: int = 0,
    ) -> None:
        self.name, self.space, self.defaults, self._draw = f"{name} {number}", space, defaults, number
        self.epochs = int(table["epoch"].max())
        first = table[table["seed"] == 0]
        self._configurations, self._known = _curves_of(first)
        self.count = len(self._configurations)
        self._noise = _noise(table)

    def curves(self, configurations: Sequence[Params]) -> Curves:
        """The trainings of these configurations, each with the noise of its own weights and shuffles."""
        predicted = self._forest.predict(_features(configurations)).reshape(len(configurations), 4, self.epochs)
        shifts = np.stack([_shift(params, self._noise, self._draw) for params in configurations])
        accuracy, loss, test = (predicted[:, place] for place in range(3))
        seconds = np.exp(predicted[:, 3, -1:]) * np.arange(1, self.epochs + 1) / self.epochs
        return Curves(accuracy + shifts[:, :1], loss, test + shifts[:, 1:], seconds)

    @cached_property
    def rank_correlation(self) -> float:
        """Spearman's, of what is predicted for a configuration that the forest has not seen and its best accuracy."""
        best = self._known[:, 0].max(axis=1)
        predicted = cross_val_predict(_forest(), _features(self._configurations), best, cv=10)
        return float(spearmanr(predicted, best).statistic)

    @cached_property
    def _forest(self) -> RandomForestRegressor:
        return _forest().fit(_features(self._configurations), self._known.reshape(len(self._known), -1))


def _forest() -> RandomForestRegressor:
    return RandomForestRegressor(60, max_features=0.5, random_state=0)


def _features(configurations: Sequence[Params]) -> Floats:
    return np.array(
        [
            (
                params["n_hidden"],
                np.log(params["n_neurons"]),
                *(params["activation"] == name for name in _ACTIVATIONS),
                params["batch_norm"],
                params["dropout"],
                np.log(params["learning_rate"]),
                np.log(params["weight_decay"]),
                np.log(params["batch_size"]),
            )
            for params in configurations
        ],
        np.float64,
    )


def _curves_of(table: pd.DataFrame) -> tuple[list[Params], Floats]:
    """The configurations, n of them, and float64 (n, 4, epochs): accuracy, loss and test value, the higher the better
    (of a regression the negative error in deviations of the target), and the logarithm of the seconds."""
    known = table.sort_values([*SEARCHED, "epoch"])
    configurations, curves = [], []
    for values, rows in known.groupby(list(SEARCHED), sort=False):
        configurations.append(dict(zip(SEARCHED, values, strict=True)))
        value, test = values_of(rows)
        seconds = rows["cpu_seconds" if "cpu_seconds" in rows else "seconds"]
        curves.append((value, rows["val_loss"], test, np.log(seconds)))
    return configurations, np.asarray(curves, np.float64)


def _noise(table: pd.DataFrame) -> Floats:
    """The standard deviation of the best validation value, and of the test value there, between seeds: (2,)."""
    found = []
    for _, rows in table.groupby(list(SEARCHED)):
        if rows["seed"].nunique() < 2:
            continue
        best = []
        for _, one in rows.groupby("seed"):
            value, test = (np.asarray(each) for each in values_of(one))
            best.append((value.max(), test[value.argmax()]))
        found.append(np.var(best, axis=0, ddof=1))
    return np.sqrt(np.mean(found, axis=0)) if found else np.zeros(2)


def _shift(params: Params, noise: Floats, draw: int) -> Floats:
    """The same for the same configuration and draw."""
    return np.random.default_rng([zlib.crc32(repr(sorted(params.items())).encode()), draw]).normal(0, noise)


def judged() -> list[Judged]:
    """Each data set with each draw of the noise, its scale, and the portfolio that the other data sets give."""
    table = pd.read_parquet(FILE)
    found = figures(table)
    space = searched_space()
    measuring = draw(space, CONFIGURATIONS, 0)
    result = []
    for name in found.names:
        portfolio = [found.configurations[place] for place in learn(found, name, LONGEST)]
        for number in range(_DRAWS):
            task = OwnSpace(name, table[table["data_set"] == name], space, default_configuration(), number)
            result.append(Judged(task, yardstick(task, measuring), portfolio))
    return result


def description(judged: Sequence[Judged]) -> str:
    """What the tasks are, and how well they are known."""
    tasks = [each.task for each in judged if isinstance(each.task, OwnSpace)]
    ranks = {task.name.split()[0]: task.rank_correlation for task in tasks if task.name.endswith(" 0")}
    known = ", ".join(f"{name} {value:.2f}" for name, value in ranks.items())
    return f"The `mlp` space, a surrogate of {tasks[0].count} trainings a data set (rank correlation: {known})"
