"""Runs methods on tasks and tells their regrets: each task with a portfolio that was learned on the other tasks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

import numpy as np

from benchmarks.search.methods import LONGEST, Method
from benchmarks.search.portfolio import learned_without
from benchmarks.search.records import BUDGETS, COSTS, FIGURES, Kept, Score
from benchmarks.search.scale import Yardstick, yardstick
from benchmarks.search.task import Params, Task, draw
from benchmarks.search.trajectory import Tried, incumbent

#: how many random configurations make the scale, and of how many others a portfolio is chosen
CONFIGURATIONS = 4000


@dataclass(frozen=True)
class Judged:
    """A task with its scale, and with the portfolio that was learned without it."""

    task: Task
    yardstick: Yardstick
    portfolio: Sequence[Params]


def prepare(tasks: Sequence[Task], configurations: int | None = None) -> list[Judged]:
    """Make the scales, and learn the portfolios.

    Args:
        tasks: all with the same space.
        configurations: how many make a scale, and of how many others a portfolio is chosen;
            `CONFIGURATIONS` by default.
    """
    configurations = configurations or CONFIGURATIONS
    measuring, candidates = (draw(tasks[0].space, configurations, seed) for seed in (0, 1))
    yardsticks = [yardstick(task, measuring) for task in tasks]
    regrets = np.stack(
        [
            measure.accuracy.regret(task.curves(candidates).best_epochs()[0])
            for task, measure in zip(tasks, yardsticks, strict=True)
        ]
    )
    return [
        Judged(task, measure, [candidates[chosen] for chosen in learned_without(number, regrets, LONGEST)])
        for number, (task, measure) in enumerate(zip(tasks, yardsticks, strict=True))
    ]


def search(method: Method, judged: Judged, seed: int, until: int = max(BUDGETS)) -> list[Tried]:
    """The trials until the budget is spent by each of the costs, or the method has had its most."""
    wanted = {cost: until * _full(judged, cost) for cost in COSTS}
    trials: list[Tried] = []
    spent = dict.fromkeys(COSTS, 0.0)
    for trial in method.search(judged.task, seed, judged.portfolio):
        trials.append(trial)
        for cost in COSTS:
            spent[cost] += trial.cost(cost)
        if len(trials) >= method.most or all(spent[cost] >= wanted[cost] for cost in COSTS):
            break
    return trials


def score(
    name: str, method: Method, tasks: Sequence[Judged], seeds: int, kept: Kept, budgets: Sequence[int] = BUDGETS
) -> Score:
    """Run a method with each seed on each task."""
    searches = [list(_searches(name, method, judged, seeds, kept, max(budgets))) for judged in tasks]
    regrets = {
        f"{cost} {figure}": tuple(
            tuple(
                round(mean(judged_regret(trials, judged, cost, figure, budget) for trials in of_task), 3)
                for judged, of_task in zip(tasks, searches, strict=True)
            )
            for budget in budgets
        )
        for cost in COSTS
        for figure in FIGURES
    }
    return Score(method=name, seeds=seeds, regrets=regrets)


def _searches(name: str, method: Method, judged: Judged, seeds: int, kept: Kept, until: int) -> Iterator[list[Tried]]:
    for seed in range(seeds):
        trials = kept.get(name, judged.task.name, seed)
        if trials is None:
            trials = search(method, judged, seed, until)
            kept.keep(name, judged.task.name, seed, trials)
        yield trials


def judged_regret(trials: Sequence[Tried], judged: Judged, cost: str, figure: str, budget: int) -> float:
    """That of the winner when a budget, in full trials' worth, is spent."""
    winner = incumbent(trials, cost, budget * _full(judged, cost))
    if winner is None:
        return 1.0  # nothing was trained to its end: as good as a configuration at random
    scale = judged.yardstick.accuracy if figure == "accuracy" else judged.yardstick.test
    return scale.regret(winner.accuracy if figure == "accuracy" else winner.test)


def _full(judged: Judged, cost: str) -> float:
    """What one full training costs."""
    return {"epochs": judged.task.epochs, "trials": 1, "seconds": judged.yardstick.seconds}[cost]
