"""The tables of trainings: what forests make of ours, the portfolio that is learned from it, and tables of others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.search.own_space import OwnSpace
from benchmarks.search.portfolio import greedy
from benchmarks.search.tabular import Tabular
from benchmarks.search.task import Params, draw
from benchmarks.trainings import __main__ as command
from benchmarks.trainings.make import FILE
from benchmarks.trainings.portfolio import (
    SEARCHED,
    Figures,
    at_cost,
    default_configuration,
    figures,
    learn,
    searched_space,
)

EPOCHS, COUNT = 4, 60


@cache
def configurations() -> Sequence[Params]:
    return [default_configuration(), *draw(searched_space(), COUNT - 1, 0)]


def trainings(data_set: str, seed: int, differ: float = 0.0) -> pd.DataFrame:
    """Wider networks are better and dearer; the default is as good as any of its width.

    Args:
        differ: how far the values of the configurations differ from those of seed 0, up and down in turn.
    """
    rows = []
    for number, params in enumerate(configurations()):
        height = 0.5 + 0.05 * np.log2(params["n_neurons"] / 64) + differ * (-1) ** (number // 2)
        for epoch in range(1, EPOCHS + 1):
            value = height * epoch / EPOCHS
            figures_of = {"val_accuracy": value, "test_accuracy": value - 0.1, "val_loss": 1 - value}
            spent = {"cpu_seconds": epoch * params["n_neurons"] / 100, "epoch": epoch}
            rows.append({**params, **figures_of, **spent, "seed": seed, "data_set": data_set})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.concat([trainings("digits", 0), trainings("digits", 1, differ=0.02)])


def task_of(table: pd.DataFrame, number: int = 0) -> OwnSpace:
    return OwnSpace("digits", table, searched_space(), default_configuration(), number)


def test_forests_rank_configurations_and_seconds_that_they_have_not_seen(table: pd.DataFrame) -> None:
    accuracy, seconds = task_of(table).rank_correlations
    assert accuracy > 0.9
    assert seconds > 0.9


def test_a_training_that_is_known_is_looked_up_with_the_noise_of_its_draw(table: pd.DataFrame) -> None:
    known = list(configurations()[:20])
    first = trainings("digits", 0)
    quiet = task_of(first).curves(known)
    assert quiet.accuracy[0] == pytest.approx(0.6 * np.arange(1, 5) / 4)
    assert quiet.test[0] == pytest.approx(quiet.accuracy[0] - 0.1)
    assert quiet.seconds[0] == pytest.approx(2.56 * np.arange(1, 5))
    one, same, other = (task_of(table, number).curves(known) for number in (0, 0, 1))
    assert np.array_equal(one.accuracy, same.accuracy)
    # of two values that are 0.02 apart the standard deviation is 0.014
    for noise in (one.accuracy - quiet.accuracy, other.test - quiet.test, one.accuracy - other.accuracy):
        assert 0.007 < noise[:, -1].std() < 0.03


def test_what_a_portfolio_holds_is_not_known_to_the_forests() -> None:
    known = trainings("digits", 0)
    lucky = configurations()[0]
    of_it = (known["n_neurons"] == lucky["n_neurons"]) & (known["learning_rate"] == lucky["learning_rate"])
    known = known.assign(val_accuracy=known["val_accuracy"].where(~of_it, 9.0))
    knowing = task_of(known)
    unknowing = OwnSpace("digits", known, searched_space(), default_configuration(), unknown=[lucky])
    assert unknowing.count == knowing.count - 1
    assert knowing.curves([lucky]).accuracy.max() == pytest.approx(9)
    assert unknowing.curves([lucky]).accuracy.max() < 1


def test_what_has_diverged_is_no_part_of_the_noise(table: pd.DataFrame) -> None:
    worst = table["n_neurons"] < np.median([params["n_neurons"] for params in configurations()]) / 2
    wild = table.assign(val_accuracy=table["val_accuracy"].where(~worst | (table["seed"] == 0), -50.0))
    known = configurations()[:1]
    assert task_of(wild).curves(known).accuracy == pytest.approx(task_of(table).curves(known).accuracy)


def test_with_costs_a_portfolio_takes_what_adds_most_for_its_cost() -> None:
    regrets = np.array([[1.0, 0.0, 0.3, 1.0], [1.0, 1.0, 1.0, 0.6]])
    assert greedy(regrets, 3, [0]) == [0, 1, 3]
    assert greedy(regrets, 3, [0], np.array([1.0, 10.0, 1.0, 1.0])) == [0, 2, 3]


def some_figures() -> Figures:
    """Of three data sets: the default is 0, a dear configuration is best, a cheap one nearly."""
    regrets = np.array([[1.0, 0.0, 0.2, 2.0]] * 3)
    cost = np.array([[1.0, 8.0, 0.5, 1.0]] * 3)
    default, *others = configurations()[:4]
    return Figures([default, *others], ("digits", "clusters", "friedman"), regrets, regrets, cost)


def test_within_a_budget_the_best_is_among_those_that_it_pays_for() -> None:
    found = some_figures()
    assert at_cost(found, "gain", 1.0, size=3).tolist() == [1.0] * 3
    assert at_cost(found, "gain", 9.0, size=3).tolist() == [0.0] * 3
    for rule in ("gain for cost", "cheapest first"):
        assert at_cost(found, rule, 1.5, size=3).tolist() == [0.2] * 3


def test_a_portfolio_of_the_family_knows_nothing_of_the_data_set_that_is_left_out() -> None:
    found = some_figures()
    regrets = found.test.copy()
    regrets[1] = [3.0, 3.0, 3.0, -9.0]
    changed = replace(found, validation=regrets, test=regrets)
    assert learn(found, "clusters", size=2) == learn(changed, "clusters", size=2)
    assert learn(found, "digits", size=2) != learn(changed, "digits", size=2)


def test_the_portfolio_that_is_shipped_is_what_the_table_of_trainings_gives() -> None:
    found = figures(pd.read_parquet(FILE))
    learned = [found.configurations[place] for place in learn(found)]
    assert learned[0] == default_configuration()
    shipped = json.loads(command.PORTFOLIO.read_text(encoding="utf-8"))["configurations"]
    assert [list(one) for one in shipped] == [list(SEARCHED)] * len(shipped)
    for one, values in zip(shipped, learned[1:], strict=True):
        assert {name: pytest.approx(value, rel=0.01) if isinstance(value, float) else value for name, value in
                values.items()} == one  # fmt: skip


def test_a_table_is_asked_for_the_places_of_its_values() -> None:
    known = {"val_acc": [0.5, 0.7, 0.9], "train_time": [3.0, 4.0, 5.0]}
    table = SimpleNamespace(
        _dataset_name="car",
        search_space={"activation": ["relu", "tanh"], "width": [16, 64, 1024]},
        _dataset={"12": known, "00": {"val_loss": [1.0, np.e, np.e], "train_time": [1.0, 1.0, 1.0]}},
    )
    task = Tabular(table)
    assert (task.name, task.epochs, task.defaults) == ("car", 1, {"activation": "relu", "width": 1})
    curves = task.curves([{"activation": "tanh", "width": 2}, {"activation": "relu", "width": 0}])
    assert curves.accuracy[:, 0].tolist() == [0.5, 0.0]
    assert curves.test[:, 0] == pytest.approx([0.8, -1.0])  # of the other seeds
    assert curves.seconds[:, 0].tolist() == [3.0, 1.0]
