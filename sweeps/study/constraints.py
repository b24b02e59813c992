"""Constraints: limits of metrics and of what a model costs, which the best trial must keep."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from sweeps.errors import InputError
from sweeps.study.figures import FIGURES, neither_metric_nor_figure, range_of

_FORM = re.compile(r"(?P<name>[^<>=]+?)\s*(?P<how><=|>=)\s*(?P<limit>[^<>=]+)")
#: stands for the violation by a value that is no number, since Optuna takes none
_FAR = 1e6


@dataclass(frozen=True)
class Constraint:
    """What a metric or a figure of `sweeps.study.figures` must be at most, or at least."""

    name: str
    how: str  # "<=" or ">="
    limit: float

    def __str__(self) -> str:
        return f"{self.name}{self.how}{self.limit:.12g}"

    def violation(self, value: float) -> float:
        """By how much a value is beyond the limit, as a share of that; at most 0 if it keeps it, as in Optuna."""
        beyond = value - self.limit if self.how == "<=" else self.limit - value
        return beyond / (abs(self.limit) or 1.0) if math.isfinite(beyond) else _FAR

    def said(self, value: float) -> str:
        """A value that breaks it, in words."""
        digits = ".6g" if abs(value) < 1000 else ".0f"
        return f"{self.name} is {value:,{digits}}, not {self.how} {self.limit:,.12g}"


def parse_constraints(texts: Iterable[str]) -> tuple[Constraint, ...]:
    """Constraints as `--constraint` names them: `n_params<=200000`, `val_accuracy>=0.9`.

    Raises:
        InputError: one is none, or they cannot be kept together.
    """
    found = tuple(map(_parse, texts))
    for one, other in combinations(found, 2):
        if one.name != other.name:
            continue
        if one.how == other.how:
            raise InputError(f"--constraint: {one.name} has two limits, {one} and {other}; one is wanted")
        least, most = (one, other) if one.how == ">=" else (other, one)
        if least.limit > most.limit:
            raise InputError(f"--constraint: {least} and {most} cannot both hold")
    return found


def check_metrics(constraints: Iterable[Constraint], logs: Mapping[str, float]) -> None:
    """Raises:
    InputError: one names neither a metric of an epoch's logs nor a figure.
    """
    for constraint in constraints:
        if constraint.name not in (*logs, *FIGURES):
            raise neither_metric_nor_figure("--constraint", constraint.name, logs)


def broken(constraints: Iterable[Constraint], values: Mapping[str, float]) -> str:
    """What is said of the values that break a constraint; "" if none does. Those that are not known do not."""
    known = [one for one in constraints if one.name in values]
    return "; ".join(one.said(values[one.name]) for one in known if one.violation(values[one.name]) > 0)


def _parse(text: str) -> Constraint:
    parts = _FORM.fullmatch(text.strip())
    try:
        limit = float(parts["limit"]) if parts else math.nan
    except ValueError:
        limit = math.nan
    if parts is None or not math.isfinite(limit):
        raise InputError(f"--constraint: NAME<=NUMBER or NAME>=NUMBER is wanted, got {text!r}")
    found = Constraint(parts["name"], parts["how"], limit)
    low, high = range_of(found.name)
    if limit < low if found.how == "<=" else limit > high:
        raise InputError(f"--constraint: {found.name} is a number of {low:g}..{high:g}, so {found} cannot hold")
    return found
