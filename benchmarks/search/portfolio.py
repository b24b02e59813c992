"""Portfolios: a few configurations of which one is good on almost any task, learned on the other tasks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.search.task import Floats


def greedy(regrets: Floats, size: int, first: Sequence[int] = (), costs: Floats | None = None) -> list[int]:
    """Choose configurations one after another, each the one that lowers the mean over the tasks most.

    Args:
        regrets: of each configuration on each task, float (tasks, configurations).
        first: those that are chosen already.
        costs: of each configuration; where they are given, what lowers the mean most for its cost is chosen.

    Returns:
        Their columns in the order of choice; without `first`, the first is the best single one.
    """
    chosen = list(first)
    if not chosen:
        chosen.append(int(regrets.mean(axis=0).argmin()))
    reached = regrets[:, chosen].min(axis=1, keepdims=True)
    while len(chosen) < size:
        gains = (reached - np.minimum(reached, regrets)).mean(axis=0)
        chosen.append(int((gains if costs is None else gains / costs).argmax()))
        reached = np.minimum(reached, regrets[:, chosen[-1:]])
    return chosen


def learned_without(task: int, regrets: Floats, size: int) -> list[int]:
    """The portfolio for a task, learned on all others."""
    return greedy(np.delete(regrets, task, axis=0), size)
