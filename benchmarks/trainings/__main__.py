"""`make bench-trainings`: train, learn the portfolio of the `mlp` family from it, and judge that."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console
from rich.table import Table

import search_spaces
from benchmarks.trainings.make import FILE, make
from benchmarks.trainings.portfolio import RULES, SIZE, Figures, Judgement, at_cost, figures, judge, learn

#: processor time, in trainings of the default
_BUDGETS = (1, 2, 4, 8, 16, 32)
PORTFOLIO = Path(search_spaces.__file__).parent / "portfolios" / "mlp.json"


@click.command()
@click.option(
    "--train",
    "workspace",
    type=click.Path(path_type=Path),
    help="Train in this folder first, for hours; the same again goes on.",
)
def main(workspace: Path | None) -> None:
    """Learn the portfolio from trainings.parquet, show how good it is on data that it was not learned on, save it."""
    console = Console()
    if workspace is not None:
        make(workspace).to_parquet(FILE)
    found = figures(pd.read_parquet(FILE))
    console.print(f"{len(found.configurations)} configurations on {len(found.names)} data sets")
    judged = judge(found)
    _show(judged, console)
    _show_rules(found, console)
    chosen = [found.configurations[place] for place in learn(found)]
    document = {
        "made_by": "make bench-trainings",
        "regret on data sets that it was not learned on": [
            {name: _rounded(value) for name, value in asdict(row).items()} for row in judged
        ],
        # the defaults, which a sweep begins with in any case, are the first
        "configurations": [{name: _rounded(value) for name, value in one.items()} for one in chosen[1:]],
    }
    PORTFOLIO.parent.mkdir(exist_ok=True)
    PORTFOLIO.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    console.print(f"written to {PORTFOLIO}", soft_wrap=True)


def _rounded(value: Any) -> Any:
    return float(f"{value:.3g}") if isinstance(value, float) else value


def _show(judged: list[Judgement], console: Console) -> None:
    table = Table("learned without", "default", f"portfolio of {SIZE}", f"{SIZE} at random")
    for row in judged:
        table.add_row(row.name, *(f"{value:.2f}" for value in (row.default, row.portfolio, row.random)))
    console.print("Test regret (0: the best of the table by test, 1: its median) of the best by validation:")
    console.print(table)


def _show_rules(found: Figures, console: Console) -> None:
    """How much each rule of choice finds for how much processor time, on data sets that it was not learned on."""
    table = Table("trainings of the default's cost", *RULES)
    for budget in _BUDGETS:
        means = (at_cost(found, rule, budget).mean() for rule in RULES)
        table.add_row(f"{budget}", *(f"{mean:.2f}" for mean in means))
    console.print("The mean of the same regret when so much time is spent, by the rule that chooses:")
    console.print(table)


if __name__ == "__main__":
    main()
