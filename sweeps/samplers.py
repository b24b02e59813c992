"""Samplers and pruners by name."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from sweeps.errors import InputError, unknown


def _gp(seed: int) -> BaseSampler:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise InputError("sampler 'gp' needs PyTorch, which is not installed: pip install torch") from None
    return optuna.samplers.GPSampler(seed=seed, deterministic_objective=False)


#: name -> sampler of a seed. CMA-ES is left out: it unpickles what the storage holds.
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: optuna.samplers.TPESampler(seed=seed, constant_liar=True),
    # for a dozen trials: what four draws have shown is used from the fifth on
    "tpe-multivariate": lambda seed: optuna.samplers.TPESampler(
        seed=seed, constant_liar=True, multivariate=True, group=True, n_startup_trials=4
    ),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "grid": lambda seed: optuna.samplers.BruteForceSampler(seed=seed),
    "gp": _gp,
    "qmc": lambda seed: optuna.samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False),
    "nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
}


def _hyperband(factor: int) -> Callable[[int], BasePruner]:
    return lambda epochs: optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=factor)


#: name -> pruner of the epochs a trial has
PRUNERS: dict[str, Callable[[int], BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": lambda epochs: optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 5)),
    "percentile": lambda epochs: optuna.pruners.PercentilePruner(25.0, n_warmup_steps=max(1, epochs // 5)),
    "hyperband": _hyperband(3),
    **{f"hyperband-{factor}": _hyperband(factor) for factor in (2, 4, 5, 6, 7, 8, 9, 10)},
    "asha": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "wilcoxon": lambda epochs: optuna.pruners.WilcoxonPruner(n_startup_steps=2),
}

#: samplers that walk one sequence together, and so need one seed in all workers
_SEQUENCES = {"qmc"}


def make_pruner(name: str, epochs: int) -> BasePruner:
    """The pruner of that name, for trials of so many epochs."""
    with _no_warning_of_experiments():
        return PRUNERS[name](epochs)


def check_names(sampler: str, pruner: str) -> None:
    """Raises:
    InputError: the sampler or the pruner is unknown, or needs what is not installed.
    """
    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    if pruner not in PRUNERS:
        raise unknown("pruner", pruner, PRUNERS)
    make_sampler(sampler, 0, 0)


def make_sampler(name: str, seed: int, draw: int) -> BaseSampler:
    """The sampler of that name, seeded by the study's seed and by which draw of the sweep it is for."""
    sequence = seed if name in _SEQUENCES else int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])
    with _no_warning_of_experiments():
        return SAMPLERS[name](sequence)


@contextlib.contextmanager
def _no_warning_of_experiments() -> Iterator[None]:
    """Optuna warns of parts that may change; its version is bounded here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
