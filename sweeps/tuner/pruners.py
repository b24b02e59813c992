"""Hyperband with another factor than the command line's 3, as further names of `sweeps.study.PRUNERS`.

The names are there in each process that has this file imported: the space that is sent to the workers
(`sweeps.tuner.space`) imports it.
"""

from __future__ import annotations

from collections.abc import Callable

import optuna

from sweeps.errors import InputError
from sweeps.study import PRUNERS

_FACTORS = range(2, 11)


def hyperband_pruner(factor: int) -> str:
    """The name of Hyperband's pruner that lets one in `factor` trials go on.

    Raises:
        InputError: there is none.
    """
    if factor not in _FACTORS:
        raise InputError(f"factor: a whole number from 2 to {_FACTORS[-1]} is needed, got {factor!r}")
    return "hyperband" if factor == 3 else f"hyperband-{factor}"


def _of(factor: int) -> Callable[[int], optuna.pruners.BasePruner]:
    return lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=factor)


PRUNERS.update({hyperband_pruner(factor): _of(factor) for factor in _FACTORS if factor != 3})
