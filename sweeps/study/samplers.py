"""Samplers and pruners by name, and their options.

An option is given beside the name: `startup` is how many trials a sampler draws at random before it models, `factor`
how many trials a rung has for each of the next one. Earlier versions had it in the name, `tpe-20` and `hyperband-4`;
such names are still read.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from sweeps.errors import InputError, unknown
from sweeps.study.grid import GridSampler, OrderedGridSampler

Made = TypeVar("Made")


def _gp(seed: int, startup: int = 10) -> BaseSampler:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise InputError("sampler 'gp' needs PyTorch, which is not installed: pip install torch") from None
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=startup, deterministic_objective=False)


def _tpe(seed: int, startup: int = 10) -> BaseSampler:
    return optuna.samplers.TPESampler(seed=seed, constant_liar=True, n_startup_trials=startup)


def _tpe_multivariate(seed: int, startup: int = 4) -> BaseSampler:
    """For a dozen trials: what four draws have shown is used from the fifth on."""
    return optuna.samplers.TPESampler(
        seed=seed, constant_liar=True, multivariate=True, group=True, n_startup_trials=startup
    )


def _grid(seed: int, ordered: int = 0) -> BaseSampler:
    """At random, so that a part of the grid tells of all of it; or in KerasTuner's order."""
    return OrderedGridSampler() if ordered else GridSampler(seed=seed)


#: name -> sampler of a seed and, where it draws some trials before it models, of their number. CMA-ES is left out: it
#: unpickles what the storage holds.
SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": _tpe,
    "tpe-multivariate": _tpe_multivariate,
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "grid": _grid,
    "gp": _gp,
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
}


def _hyperband(epochs: int, factor: int = 3) -> BasePruner:
    return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=factor)


#: name -> pruner of the epochs a trial has, and of the factor by which a rung has fewer trials than the one below
PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": lambda epochs: optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "percentile": lambda epochs: optuna.pruners.PercentilePruner(25.0, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": _hyperband,
    "asha": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "wilcoxon": lambda epochs: optuna.pruners.WilcoxonPruner(n_startup_steps=2),
}

#: name of a sampler or pruner -> its option and the least value
_OPTIONS = {
    "tpe": ("startup", 1),
    "tpe-multivariate": ("startup", 1),
    "gp": ("startup", 1),
    "grid": ("ordered", 0),
    "hyperband": ("factor", 2),
}

#: samplers that walk one sequence together, and so need one seed in all workers
_SEQUENCES = {"qmc"}


def make_pruner(name: str, epochs: int, options: Mapping[str, int] = {}) -> BasePruner:
    """The pruner of that name, for trials of so many epochs."""
    return _made(name, PRUNERS, epochs, options)


def make_sampler(name: str, seed: int, trial: int, options: Mapping[str, int] = {}) -> BaseSampler:
    """The sampler of that name, seeded by the study's seed and by the number of the trial that it is for."""
    sequence = seed if name in _SEQUENCES else int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
    return _made(name, SAMPLERS, sequence, options)


def check_names(
    sampler: str, pruner: str, sampler_options: Mapping[str, int] = {}, pruner_options: Mapping[str, int] = {}
) -> None:
    """Raises:
    InputError: the sampler, the pruner or an option is unknown, or needs what is not installed.
    """
    _check("sampler", sampler, SAMPLERS, sampler_options)
    _check("pruner", pruner, PRUNERS, pruner_options)
    make_sampler(sampler, 0, 0, sampler_options)


def _check(kind: str, name: str, known: Iterable[str], options: Mapping[str, int]) -> None:
    base, _ = _parts(name)
    if base not in known:
        raise unknown(kind, name, known)
    allowed, least = _OPTIONS.get(base, ("", 0))
    for option, value in options.items():
        if option != allowed:
            takes = f"only the option {allowed}" if allowed else "no options"
            raise InputError(f"--{kind}-option: {kind} {base} takes {takes}, got {option!r}")
        if value < least:
            raise InputError(f"--{kind}-option: {option} must be at least {least}, got {value}")


def _made(name: str, known: Mapping[str, Callable[..., Made]], first: int, options: Mapping[str, int]) -> Made:
    base, of_name = _parts(name)
    with warnings.catch_warnings():  # of parts that may change: Optuna's version is bounded here
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return known[base](first, **(of_name | dict(options)))


def _parts(name: str) -> tuple[str, dict[str, int]]:
    """`hyperband-4` as "hyperband" and {"factor": 4}; what takes no such number stays as it is."""
    base, _, number = name.rpartition("-")
    option, least = _OPTIONS.get(base, ("", 0))
    # no earlier version had an option of the grid
    is_number = option and base != "grid" and re.fullmatch(r"[1-9][0-9]{0,5}", number) and int(number) >= least
    return (base, {option: int(number)}) if is_number else (name, {})
