"""What a sweep begins with: the best trials of another study, or what a space's author has found good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sweeps.errors import InputError, NoModel, shortened
from sweeps.space.discovery import Declare, ProposedHyperParameters, Space
from sweeps.space.fitting import fitting
from sweeps.space.narrowing import Narrowing
from sweeps.space.resolve import build
from sweeps.study.constraints import broken
from sweeps.study.figures import SIZES
from sweeps.trial.figures import sizes
from sweeps.trial.plan import SweepRequest, WarmStart


def adapted(
    warm: WarmStart, declare: Declare, space: Space, narrowings: tuple[Narrowing, ...], grid: bool
) -> tuple[list[Mapping[str, Any]], str]:
    """The values that the space takes, each configuration once, and what is to be said of them.

    Raises:
        InputError: it takes none.
    """
    kept: list[Mapping[str, Any]] = []
    dropped: dict[str, None] = {}
    for values in warm.trials:
        taken = fitting(declare, space, values, narrowings, grid)
        dropped |= dict.fromkeys(f"{name}={value}" for name, value in values.items() if name not in taken)
        if taken and taken not in kept:
            kept.append(taken)
    if not kept:
        raise InputError(
            f"--warm-start: no value of the best trials of study {warm.study!r} is one of this space: "
            f"{shortened(list(dropped))}"
        )
    left_out = f"; left out, since this space does not take it: {shortened(list(dropped), 10)}" if dropped else ""
    return kept, f"warm start: {len(kept)} configurations of study {warm.study!r} are first{left_out}"


def portfolio_of(space: object, request: SweepRequest) -> tuple[Mapping[str, Any], ...]:
    """The configurations that the space's author has found good on other data, if the sweep is to begin with them."""
    portfolio = getattr(space, "portfolio", None) if request.start == "portfolio" else None
    # a space of one's own may have another attribute of that name
    return tuple(portfolio) if isinstance(portfolio, list | tuple) else ()


def starts(
    request: SweepRequest,
    portfolio: Iterable[Mapping[str, Any]],
    declare: Declare,
    found: Space,
    narrowings: tuple[Narrowing, ...],
) -> tuple[Mapping[str, Any], ...]:
    """What a sweep begins with where a person has named nothing: the defaults, with which all others are compared,
    and the portfolio, as far as the narrowed space takes its values."""
    if request.start == "none":
        return ()
    fitted = (fitting(declare, found, values, narrowings, request.grid) for values in portfolio)
    return ({}, *fitted)[: request.total]


def small_enough(
    configurations: Iterable[Mapping[str, Any]], space: Any, request: SweepRequest, narrowings: tuple[Narrowing, ...]
) -> list[Mapping[str, Any]]:
    """The configurations whose models keep the constraints on their size; of others nothing would be trained."""

    def keeps(values: Mapping[str, Any]) -> bool:
        try:
            model = build(space, ProposedHyperParameters(values, narrowings, request.grid))
        except NoModel:  # whose trial will say so
            return True
        return not broken(request.constraints, sizes(model))

    is_limited = any(one.name in SIZES for one in request.constraints)
    return [values for values in configurations if not is_limited or keeps(values)]


def names_of(trials: Iterable[Mapping[str, Any]]) -> set[str]:
    """The hyperparameters that they name."""
    return {name for values in trials for name in values}
