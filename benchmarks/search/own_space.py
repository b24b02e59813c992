"""The `mlp` space on six data sets: a surrogate of the trainings in benchmarks/trainings, with the noise of a seed.

Forests predict a configuration's curves; how well they rank configurations that they have not seen, and how far two
seeds of a configuration are apart, are measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
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
        unknown: configurations that the forests do not learn from. What they have learned they know with all its luck,
            what a search draws elsewhere as a mean: a portfolio of configurations of the table must not have that
            advantage.
    """

    def __init__(
        self,
        name: str,
        table: pd.DataFrame,
        space: Mapping[str, BaseDistribution],
        defaults: Params,
        number: int = 0,
        unknown: Sequence[Params] = (),
    ) -> None:
        self.name, self.space, self.defaults, self._draw = f"{name} {number}", space, defaults, number
        self.epochs = int(table["epoch"].max())
        configurations, known = _curves_of(table[table["seed"] == 0])
        kept = [params not in unknown for params in configurations]
        self._configurations = [params for params, one in zip(configurations, kept, strict=True) if one]
        self._known = known[kept]
        self.count = len(self._configurations)
        self._noise = _noise(table)

    def curves(self, configurations: Sequence[Params]) -> Curves:
        """The trainings of these configurations, each with the noise of its own weights and shuffles."""
        features = _features(configurations)
        values, loss, seconds = (forest.predict(features) for forest in self._forests)
        accuracy, test = np.split(values, 2, axis=1)
        shifts = np.stack([_shift(params, self._noise, self._draw) for params in configurations])
        spent = np.exp(seconds)[:, None] * np.arange(1, self.epochs + 1) / self.epochs
        return Curves(accuracy + shifts[:, :1], loss, test + shifts[:, 1:], spent)

    @cached_property
    def rank_correlations(self) -> tuple[float, float]:
        """Spearman's, of what is predicted for configurations that the forests have not seen: of the best accuracy, and
        of the seconds."""
        values, _, seconds = self._targets
        accuracy, features = values[:, : self.epochs], _features(self._configurations)
        unseen = [cross_val_predict(_forest(), features, known, cv=10) for known in (accuracy, seconds)]
        pairs = (accuracy.max(axis=1), unseen[0].max(axis=1)), (seconds, unseen[1])
        return tuple(float(spearmanr(*pair).statistic) for pair in pairs)  # type: ignore[return-value]

    @property
    def _targets(self) -> tuple[Floats, Floats, Floats]:
        """What the forests predict: the curves of accuracy and test value side by side, that of the loss, and the
        logarithm of the seconds of all epochs. A forest for each, as they are of different sizes."""
        accuracy, loss, test, seconds = np.moveaxis(self._known, 1, 0)
        return np.concatenate([accuracy, test], axis=1), loss, seconds[:, -1]

    @cached_property
    def _forests(self) -> list[ExtraTreesRegressor]:
        features = _features(self._configurations)
        return [_forest().fit(features, target) for target in self._targets]


def _forest() -> ExtraTreesRegressor:
    """Random splits: on these few trainings it ranks better than a random forest with the best splits."""
    return ExtraTreesRegressor(50, max_features=0.7, random_state=0)


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
        curves.append((value, rows["val_loss"], test, np.log(rows["cpu_seconds"])))
    return configurations, np.asarray(curves, np.float64)


def _noise(table: pd.DataFrame) -> Floats:
    """The standard deviation of the best validation value, and of the test value there, between seeds: (2,).

    Of the better half of the configurations, as those that diverge differ by more than a search has to do with.
    """
    best = []
    for _, rows in table.groupby(list(SEARCHED)):
        if rows["seed"].nunique() < 2:
            continue
        curves = [[np.asarray(each) for each in values_of(one)] for _, one in rows.groupby("seed")]
        best.append([(value.max(), test[value.argmax()]) for value, test in curves[:2]])
    if not best:
        return np.zeros(2)
    found = np.array(best)  # configurations, seeds, the two values
    means = found[..., 0].mean(axis=1)
    return np.asarray(np.sqrt(found[means >= np.median(means)].var(axis=1, ddof=1).mean(axis=0)), np.float64)


def _shift(params: Params, noise: Floats, draw: int) -> Floats:
    """The same for the same configuration and draw."""
    return np.random.default_rng([zlib.crc32(repr(sorted(params.items())).encode()), draw]).normal(0, noise)


def judged(unknown: Mapping[str, Sequence[Params]] = {}) -> list[Judged]:
    """Each data set with each draw of the noise, its scale, and the portfolio that the other data sets give.

    Args:
        unknown: data set -> what its forests do not learn from; by default the configurations of that portfolio.
    """
    table = pd.read_parquet(FILE)
    found = figures(table)
    space = searched_space()
    measuring = draw(space, CONFIGURATIONS, 0)
    result = []
    for name in found.names:
        portfolio = [found.configurations[place] for place in learn(found, name, LONGEST)]
        for number in range(_DRAWS):
            of = table[table["data_set"] == name]
            task = OwnSpace(name, of, space, default_configuration(), number, unknown.get(name, portfolio))
            result.append(Judged(task, yardstick(task, measuring), portfolio))
    return result


def description(judged: Sequence[Judged]) -> str:
    """What the tasks are, and how well they are known."""
    tasks = [each.task for each in judged if isinstance(each.task, OwnSpace) and each.task.name.endswith(" 0")]
    known = "; ".join(
        f"{task.name.split()[0]} {task.count}, {accuracy:.2f}, {seconds:.2f}"
        for task in tasks
        for accuracy, seconds in [task.rank_correlations]
    )
    return (
        "The `mlp` space, forests of this project's own trainings, with the noise between two seeds "
        f"(trainings, and the rank correlations of predicted and true best value and seconds, unseen: {known})"
    )
