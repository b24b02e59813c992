"""The rules and sizes by which a portfolio of `mlp` may be chosen, compared in searches as `sweeps run` makes them.

    python -m benchmarks.search.rules

The tasks are those of own_space.py; the forests know no configuration of any of the compared portfolios.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from statistics import mean

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.search.judge import judged_regret, search
from benchmarks.search.methods import LONGEST, METHODS
from benchmarks.search.own_space import judged
from benchmarks.search.tables import SHIPPED, spread
from benchmarks.trainings.make import FILE
from benchmarks.trainings.portfolio import RULES, figures, learn

#: in full trainings' worth of seconds
_BUDGETS = (4, 8, 20)
_TRIALS = 20
#: by how many configurations a search begins
_SIZES = {4: "portfolio-4-median", 8: SHIPPED}


@click.command()
@click.option("--seeds", default=2, type=click.IntRange(1), help="Of the searches on each task.  [2]")
def main(seeds: int) -> None:
    """Show how much searches find at equal seconds and with 20 trials, and what these cost, by the rule."""
    found = figures(pd.read_parquet(FILE))
    portfolios = {
        (name, rule): [found.configurations[place] for place in learn(found, name, LONGEST, rule)]
        for name in found.names
        for rule in RULES
    }
    table = Table(
        "rule", "of", *(f"{budget} trainings' seconds" for budget in _BUDGETS), f"{_TRIALS} trials", "their seconds"
    )
    tasks = judged({name: [c for rule in RULES for c in portfolios[name, rule]] for name in found.names})
    for rule, size in product(RULES, _SIZES):
        regrets: dict[int, list[float]] = {budget: [] for budget in (*_BUDGETS, 0)}
        cost = []
        for each in tasks:
            this = replace(each, portfolio=portfolios[each.task.name.rsplit(" ", 1)[0], rule])
            searches = [search(METHODS[_SIZES[size]], this, seed, max(_BUDGETS)) for seed in range(seeds)]
            for budget in _BUDGETS:
                regrets[budget].append(mean(judged_regret(one, this, "seconds", "test", budget) for one in searches))
            regrets[0].append(mean(judged_regret(one, this, "trials", "test", _TRIALS) for one in searches))
            seconds = (sum(trial.seconds for trial in one[:_TRIALS]) for one in searches)
            cost.append(mean(seconds) / this.yardstick.seconds)
        table.add_row(rule, str(size), *(spread(values) for values in regrets.values()), f"{mean(cost):.1f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
