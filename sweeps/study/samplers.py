"""Samplers and pruners by name.

Some take a number with their name: `tpe-20` draws 20 trials at random before it models, `hyperband-4` lets one trial in
four go on.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from sweeps.errors import InputError, unknown

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


#: name -> sampler of a seed and, where it draws some trials before it models, of their number. CMA-ES is left out: it
#: unpickles what the storage holds.
SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "tpe": _tpe,
    "tpe-multivariate": _tpe_multivariate,
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "grid": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
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

#: what takes a number with its name, and the least one
_NUMBERED = {"tpe": 1, "tpe-multivariate": 1, "gp": 1, "hyperband": 2}

#: samplers that walk one sequence together, and so need one seed in all workers
_SEQUENCES = {"qmc"}


def make_pruner(name: str, epochs: int) -> BasePruner:
    """The pruner of that name, for trials of so many epochs."""
    with _no_warning_of_experiments():
        return _made(name, PRUNERS, epochs)


def check_names(sampler: str, pruner: str) -> None:
    """Raises:
    InputError: the sampler or the pruner is unknown, or needs what is not installed.
    """
    for kind, name, known in (("sampler", sampler, SAMPLERS), ("pruner", pruner, PRUNERS)):
        if _parts(name)[0] not in known:
            raise unknown(kind, name, known)
    make_sampler(sampler, 0, 0)


def make_sampler(name: str, seed: int, trial: int) -> BaseSampler:
    """The sampler of that name, seeded by the study's seed and by the number of the trial that it is for."""
    sequence = seed if name in _SEQUENCES else int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
    with _no_warning_of_experiments():
        return _made(name, SAMPLERS, sequence)


def _made(name: str, known: Mapping[str, Callable[..., Made]], first: int) -> Made:
    base, numbers = _parts(name)
    return known[base](first, *numbers)


def _parts(name: str) -> tuple[str, tuple[int, ...]]:
    """`hyperband-4` as "hyperband" and (4,); what takes no such number stays as it is."""
    base, _, number = name.rpartition("-")
    takes = base in _NUMBERED and re.fullmatch(r"[1-9][0-9]{0,5}", number) and int(number) >= _NUMBERED[base]
    return (base, (int(number),)) if takes else (name, ())


@contextlib.contextmanager
def _no_warning_of_experiments() -> Iterator[None]:
    """Optuna warns of parts that may change; its version is bounded here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
