"""Which finalist wins, and how sure that is: means, t-intervals, paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from sweeps.errors import TrialsFailed
from sweeps.study.confirmation import Finalist, Interval

Verdict = Literal["better", "tie"]


@dataclass(frozen=True)
class Judged:
    """The finalists with their figures, the index of the winner, and the verdict in a word and in a line."""

    finalists: list[Finalist]
    winner: int
    verdict: Verdict | None
    conclusion: str


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error and its 95 % t-interval."""

    mean: float
    error: float
    interval: Interval

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """The estimate from two values or more."""
        mean = float(np.mean(values))
        error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
        half = float(stats.t.ppf(0.975, len(values) - 1)) * error
        return cls(mean, error, [mean - half, mean + half])


def judge(finalists: Sequence[Finalist], direction: str) -> Judged:
    """Choose the winner by the new values alone.

    The default configuration wins unless a finalist is more than one standard error above it. Of those that are, it is
    the cheapest of the best one and of those that the best is not more than one standard error above: the one with
    fewer weights, then with less training time. Values are compared in pairs, of the same seed or fold.

    Args:
        finalists: with their values, one of each repetition; those with a failed repetition cannot win.
        direction: of the objective.

    Raises:
        TrialsFailed: each finalist has a failed repetition.
    """
    sign = 1 if direction == "maximize" else -1
    figured = _with_figures(finalists, sign)
    whole = [index for index, finalist in enumerate(figured) if finalist.mean is not None]
    if not whole:
        raise TrialsFailed(f"no finalist was trained again without a failure: {figured[0].name}: {figured[0].error}")
    default = next((index for index in whole if figured[index].default), None)
    # the others were chosen by their luck on these validation rows, which new seeds do not take away
    above = [index for index in whole if default is None or not _is_tie(figured[index], figured[default], sign)]
    candidates = above or [index for index in whole if index == default]
    highest = max(candidates, key=lambda index: sign * (figured[index].mean or 0.0))
    ties = [index for index in candidates if _is_tie(figured[highest], figured[index], sign)]
    winner = min(ties, key=lambda index: _cost(figured[index]))
    verdict, said = _verdict(figured, whole, winner, default, sign)
    if winner != highest:
        said += f"; {figured[winner].name} is cheaper than {figured[highest].name}, which is at most one standard error"
        said += " better"
    return Judged(figured, winner, verdict, said)


def _with_figures(finalists: Sequence[Finalist], sign: int) -> list[Finalist]:
    default = next((finalist for finalist in finalists if finalist.default), None)
    figured = []
    for finalist in finalists:
        values = _values(finalist)
        if values is not None:
            own = Estimate.of(values)
            optimism = None if finalist.search_value is None else sign * (finalist.search_value - own.mean)
            finalist = replace(finalist, mean=own.mean, interval=own.interval, optimism=optimism)
        if default is not None and not finalist.default and (to_default := _paired(finalist, default, sign)):
            difference = {"difference": to_default.mean, "difference_interval": to_default.interval}
            finalist = replace(finalist, **difference)  # type: ignore[arg-type]
        figured.append(finalist)
    return figured


def _verdict(
    finalists: Sequence[Finalist], whole: Sequence[int], winner: int, default: int | None, sign: int
) -> tuple[Verdict | None, str]:
    """How the winner compares with the default: where that has won, how the best of the others does."""
    if default is None:
        without = [finalist for finalist in finalists if finalist.default]
        why = f"its training failed: {without[0].error}" if without else "there is none to compare with"
        return None, f"{finalists[winner].name} wins; not compared with a default configuration, since {why}"
    others = [index for index in whole if index != default]
    if not others:
        return "tie", "a tie with the default: it is the only finalist"
    best = max(others, key=lambda index: sign * (finalists[index].mean or 0.0))
    challenger = finalists[best if winner == default else winner]
    assert challenger.difference is not None
    assert challenger.difference_interval is not None
    low, high = challenger.difference_interval
    figures = f"{challenger.difference:+.4f} (95 %: {low:+.4f} to {high:+.4f})"
    if low > 0:
        return "better", f"{challenger.name} is better than the default by {figures}"
    none = "no trial is better, the best of them is " if winner == default and high < 0 else ""
    return "tie", f"a tie with the default: {none}{challenger.name} {figures}"


def _is_tie(best: Finalist, other: Finalist, sign: int) -> bool:
    difference = _paired(best, other, sign)
    return difference is not None and difference.mean <= difference.error


def _cost(finalist: Finalist) -> tuple[float, float]:
    return float(finalist.n_params or 0), finalist.seconds or 0.0


def _paired(one: Finalist, other: Finalist, sign: int) -> Estimate | None:
    """How much better one is than the other."""
    values, against = _values(one), _values(other)
    if values is None or against is None:
        return None
    return Estimate.of([sign * (a - b) for a, b in zip(values, against, strict=True)])


def _values(finalist: Finalist) -> list[float] | None:
    """None if a repetition failed."""
    values = [value for value in finalist.values if value is not None]
    return values if len(values) == len(finalist.values) else None
