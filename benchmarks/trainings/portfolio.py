"""The portfolio of the `mlp` family: learned from the table, and judged on data sets that it was not learned on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from optuna.distributions import BaseDistribution

from benchmarks.search.portfolio import greedy
from benchmarks.search.task import Floats, Params
from benchmarks.trainings.data_sets import DATA_SETS
from search_spaces import DataSpec, InputSpec
from search_spaces.registry import SPACES
from sweeps.space.discovery import ProposedHyperParameters
from sweeps.space.domains import study_parameter
from sweeps.space.narrowing import narrowings_of
from sweeps.space.resolve import declaration

#: what is searched; the other columns of the table are curves, or have one value
SEARCHED = (
    "n_hidden", "n_neurons", "activation", "batch_norm", "dropout", "learning_rate", "weight_decay", "batch_size",
)  # fmt: skip
SIZE = 8
#: the standard deviation of a regret between two trainings of a configuration, about (measured: 0.02 to 0.12, on breast
#: cancer 0.5), and how often it is drawn
NOISE, _DRAWS = 0.3, 100


def _declared() -> ProposedHyperParameters:
    """What a sweep of the `mlp` space searches, with the defaults."""
    space = SPACES["mlp"](DataSpec(InputSpec((8,), "float32"), "sparse", 3))
    hp = ProposedHyperParameters({}, narrowings_of([], space))
    x, y = np.zeros((4, 8), np.float32), np.zeros(4, np.int32)
    declaration(space, x, y, epochs=1)(hp)
    return hp


def searched_space() -> dict[str, BaseDistribution]:
    """The hyperparameters of the `mlp` space that a sweep searches, as the study has them."""
    hp = _declared()
    return {name: study_parameter(hp.narrowed(hp.active_declarations[name])).distribution for name in SEARCHED}


@cache
def default_configuration() -> Params:
    """The defaults of what is searched."""
    values = _declared().values
    return {name: values[name] for name in SEARCHED}


@dataclass(frozen=True)
class Figures:
    """What n configurations reach on d data sets, each at its best epoch by validation.

    Attributes:
        configurations: n of them.
        names: of the data sets.
        validation, test: float64 (d, n): regrets, 0 for the best configuration and 1 for the median one.
        cost: float64 (d, n): processor time of a training, in trainings of the default configuration.
    """

    configurations: Sequence[Params]
    names: Sequence[str]
    validation: Floats
    test: Floats
    cost: Floats

    @property
    def default(self) -> int:
        """The place of the family's default configuration."""
        return list(self.configurations).index(default_configuration())

    @property
    def both(self) -> Floats:
        """The mean of both: as many rows as there are, to learn for other data sets."""
        return (self.validation + self.test) / 2


def figures(table: pd.DataFrame) -> Figures:
    """The figures of the configurations that all data sets of the table have, of the first seed."""
    table = table[table["seed"] == 0]
    wanted = [name for name in DATA_SETS if name in set(table["data_set"])]
    best = {name: _best_epochs(table[table["data_set"] == name]) for name in wanted}
    common = sorted(set.intersection(*(set(frame.index) for frame in best.values())))
    of = {name: frame.loc[common] for name, frame in best.items()}
    configurations = [dict(zip(SEARCHED, map(_plain, values), strict=True)) for values in common]
    validation, test = (np.stack([_regrets(frame[column]) for frame in of.values()]) for column in ("value", "test"))
    seconds = np.stack([frame["cpu_seconds"].to_numpy(np.float64) for frame in of.values()])
    default = configurations.index(default_configuration())
    return Figures(configurations, wanted, validation, test, seconds / seconds[:, [default]])


def _best_epochs(table: pd.DataFrame) -> pd.DataFrame:
    """Validation and test value of each configuration, the higher the better, at its best epoch by validation, and the
    processor's seconds of all its epochs."""
    value, test = values_of(table)
    table = table.assign(value=value, test=test)
    order = table.sort_values(["value", "val_loss"], ascending=[False, True], kind="stable")
    of = order.groupby(list(SEARCHED))
    return of.first()[["value", "test"]].assign(cpu_seconds=of["cpu_seconds"].max())


def values_of(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The validation and the test value of each epoch, the higher the better."""
    if rows["val_accuracy"].notna().all():
        return rows["val_accuracy"], rows["test_accuracy"]
    return -rows["val_rmse"], -np.sqrt(rows["test_loss"])


def _regrets(values: pd.Series) -> Floats:
    highest = values.max()
    return np.asarray((highest - values) / (highest - values.median()), np.float64)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True)
class Judgement:
    """On one data set, the test regret of the configuration that has the best validation value among some.

    Attributes:
        default: of the family's default configuration.
        portfolio: among those of the portfolio that was learned on the other data sets.
        random: among as many at random, in the mean.
    """

    name: str
    default: float
    portfolio: float
    random: float


#: how a portfolio is chosen: by what a configuration adds, the cheapest of these first, or by what it adds for its cost
RULES = ("gain", "cheapest first", "gain for cost")
RULE = "gain for cost"


def learn(found: Figures, without: str | None = None, size: int = SIZE, rule: str = RULE) -> list[int]:
    """The portfolio: the default, and what lowers the regret most beside it.

    Six data sets are few: the best configuration of each would do. A figure is one training's, so each data set counts
    many times, each time with other noise: what is good by luck on one is then less than what is good on several.

    Args:
        without: a data set to leave out.
        rule: one of `RULES`.
    """
    rng = np.random.default_rng(0)
    rows = [name != without for name in found.names]
    noisy = np.concatenate([found.both[rows] + rng.normal(0, NOISE, found.both[rows].shape) for _ in range(_DRAWS)])
    costs = np.exp(np.log(found.cost[rows]).mean(axis=0))
    chosen = greedy(noisy, size, [found.default], costs if rule == "gain for cost" else None)
    return [chosen[0], *sorted(chosen[1:], key=lambda place: costs[place])] if rule == "cheapest first" else chosen


def judge(found: Figures, size: int = SIZE, draws: int = 1000) -> list[Judgement]:
    """Leave each data set out in turn."""
    rng = np.random.default_rng(0)
    judged = []
    for place, name in enumerate(found.names):
        validation, test = found.validation[place], found.test[place]
        at_random = [rng.choice(len(test), size, replace=False) for _ in range(draws)]
        judged.append(
            Judgement(
                name,
                default=float(test[found.default]),
                portfolio=float(test[_winner(validation, learn(found, name, size))]),
                random=float(np.mean([test[_winner(validation, drawn)] for drawn in at_random])),
            )
        )
    return judged


def _winner(validation: Floats, among: Iterable[Any]) -> int:
    return int(min(among, key=lambda column: float(validation[int(column)])))


def at_cost(found: Figures, rule: str, budget: float, size: int = SIZE) -> Floats:
    """The test regrets, one a data set, of the best by validation of those that were trained within a budget.

    Args:
        rule: by which the portfolios are learned on the other data sets.
        budget: in trainings of the default configuration, its own included.
    """
    reached = []
    for place, name in enumerate(found.names):
        chosen = learn(found, name, size, rule)
        spent = np.cumsum(found.cost[place][chosen])
        trained = [column for column, until in zip(chosen, spent, strict=True) if until <= budget * (1 + 1e-9)]
        reached.append(found.test[place][_winner(found.validation[place], trained)])
    return np.array(reached)
