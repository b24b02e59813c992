"""Samplers and pruners by name, and their options.

An option is given beside the name: `startup` is how many trials a sampler draws at random before it models, or how many
a pruner lets end before it compares, `warmup` how many epochs a trial has before it is compared, `factor` how many
trials a rung has for each of the next one. Earlier versions had some in the name, `tpe-20` and `hyperband-4`; these are
still read.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from sweeps.errors import InputError, unknown
from sweeps.study.grid import GridSampler, OrderedGridSampler
from sweeps.study.rounds import round_begun
from sweeps.study.tpe import TPE

Made = TypeVar("Made")


def _gp(seed: int, startup: int = 10) -> BaseSampler:
    try:
        import torch  # noqa: F401
    except ImportError:
        raise InputError("sampler 'gp' needs PyTorch, which is not installed: pip install torch") from None
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=startup, deterministic_objective=False)


def _tpe(seed: int, startup: int = 10) -> BaseSampler:
    return TPE(seed=seed, constant_liar=True, n_startup_trials=startup)


def _tpe_multivariate(seed: int, startup: int = 4) -> BaseSampler:
    """For a dozen trials: what four draws have shown is used from the fifth on."""
    return TPE(seed=seed, constant_liar=True, multivariate=True, group=True, n_startup_trials=startup)


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


class Hyperband(optuna.pruners.HyperbandPruner):
    """Optuna's, whose brackets follow from the trials' numbers alone.

    Optuna takes a trial's bracket from the study's name as well, so that another name gives another search.

    Attributes:
        key: stands for the study's name; a study of an earlier version keeps that, since its trials have their rungs.
    """

    key = "trial"

    def _get_bracket_id(self, study: Any, trial: FrozenTrial) -> int:
        return super()._get_bracket_id(SimpleNamespace(study_name=self.key), trial)  # type: ignore[arg-type]


class WithinRound(BasePruner):
    """Compares a trial of several rounds by what it has come to in its present round.

    A median pruner takes a trial's best value of all steps, which would be that of the round with the easiest rows.

    Args:
        pruner: of a trial of one round.
        epochs: the steps of a round.
    """

    def __init__(self, pruner: BasePruner, epochs: int) -> None:
        self._pruner, self._epochs = pruner, epochs

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial is to end."""
        begun = round_begun(trial.last_step, self._epochs)
        seen = copy.copy(trial)
        seen.intermediate_values = {step: value for step, value in trial.intermediate_values.items() if step > begun}
        return self._pruner.prune(study, seen)


def _hyperband(epochs: int, factor: int = 3) -> BasePruner:
    return Hyperband(min_resource=1, max_resource=epochs, reduction_factor=factor)


def _median(epochs: int, startup: int = 5, warmup: int | None = None) -> BasePruner:
    return optuna.pruners.MedianPruner(startup, _warmup(epochs, warmup))


def _percentile(epochs: int, startup: int = 5, warmup: int | None = None) -> BasePruner:
    return optuna.pruners.PercentilePruner(25.0, startup, _warmup(epochs, warmup))


def _warmup(epochs: int, given: int | None) -> int:
    """Epochs that a trial has before it is compared: one alone ranks hardly any."""
    return max(2, epochs // 5) if given is None else given


#: name -> pruner of the epochs a trial has, and of its options
PRUNERS: dict[str, Callable[..., BasePruner]] = {
    "none": lambda epochs: optuna.pruners.NopPruner(),
    "median": _median,
    "percentile": _percentile,
    "hyperband": _hyperband,
    "asha": lambda epochs: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "wilcoxon": lambda epochs: optuna.pruners.WilcoxonPruner(n_startup_steps=2),
}

#: name of a sampler or pruner -> its options, each with the least value
_OPTIONS = {
    **{name: {"startup": 1} for name in ("tpe", "tpe-multivariate", "gp")},
    "grid": {"ordered": 0},
    **{name: {"startup": 1, "warmup": 1} for name in ("median", "percentile")},
    "hyperband": {"factor": 2},
}

#: samplers that walk one sequence together, and so need one seed in all workers
_SEQUENCES = {"qmc"}
#: samplers that draw whatever came of the trials before
_BLIND = {"random", "grid", "qmc"}


def make_pruner(name: str, epochs: int, options: Mapping[str, int] = {}) -> BasePruner:
    """The pruner of that name, for trials of so many epochs."""
    return _made(name, PRUNERS, epochs, options)


def make_sampler(name: str, seed: int, trial: int, options: Mapping[str, int] = {}, attempt: int = 0) -> BaseSampler:
    """The sampler of that name, seeded by the study's seed and by the number of the trial that it is for.

    Args:
        attempt: how often that trial was drawn before.
    """
    entropy = [seed, trial, *([1 + attempt] if attempt else [])]  # [seed, trial, 1] is of the trial's own seed
    sequence = seed if name in _SEQUENCES else int(np.random.SeedSequence(entropy).generate_state(1)[0])
    return _made(name, SAMPLERS, sequence, options)


def is_model_based(name: str) -> bool:
    """Whether what a sampler draws depends on the values of the trials before."""
    return _parts(name)[0] not in _BLIND


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
    allowed = _OPTIONS.get(base, {})
    for option, value in options.items():
        if option not in allowed:
            takes = f"only the option{'s' * (len(allowed) > 1)} {' and '.join(allowed)}" if allowed else "no options"
            raise InputError(f"--{kind}-option: {kind} {base} takes {takes}, got {option!r}")
        if value < allowed[option]:
            raise InputError(f"--{kind}-option: {option} must be at least {allowed[option]}, got {value}")


def _made(name: str, known: Mapping[str, Callable[..., Made]], first: int, options: Mapping[str, int]) -> Made:
    base, of_name = _parts(name)
    with warnings.catch_warnings():  # of parts that may change: Optuna's version is bounded here
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return known[base](first, **(of_name | dict(options)))


def _parts(name: str) -> tuple[str, dict[str, int]]:
    """`hyperband-4` as "hyperband" and {"factor": 4}; what takes no such number stays as it is."""
    base, _, number = name.rpartition("-")
    options = _OPTIONS.get(base, {})
    # no earlier version had an option of the grid
    if len(options) == 1 and base != "grid" and re.fullmatch(r"[1-9][0-9]{0,5}", number):
        [(option, least)] = options.items()
        if int(number) >= least:
            return base, {option: int(number)}
    return name, {}
