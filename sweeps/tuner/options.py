"""What tuners are made with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import keras_tuner

from sweeps.errors import InputError, unknown


@dataclass(frozen=True)
class Options:
    """KerasTuner's arguments of `Tuner`, and two more.

    Attributes:
        max_model_size: parameters at most; a trial with more fails.
        optimizer, loss, metrics: win over what the model was compiled with.
        directory: the workspace; None: the command line's (`runs/`, or `SWEEPS_HOME`).
        project_name: the study's name follows from it.
        overwrite: remove what is there of that name.
        executions_per_trial: models trained a trial; its score is the mean of their best.
        logger, tuner_id: taken and not needed.
        distribution_strategy: not available.
        jobs: trials at a time; None: one a core. Not KerasTuner's.
        accept_changed_space: go on with a hypermodel that was edited since the first search. Not KerasTuner's.
    """

    max_model_size: int | None = None
    optimizer: Any = None
    loss: Any = None
    metrics: Any = None
    distribution_strategy: Any = None
    directory: str | os.PathLike[str] | None = None
    project_name: str | None = None
    logger: Any = None
    tuner_id: str | None = None
    overwrite: bool = False
    executions_per_trial: int = 1
    jobs: int | None = None
    accept_changed_space: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Options:
        """Raises: InputError: an argument is unknown, or not available here."""
        names = [option.name for option in fields(cls)]
        for name in given:
            if name not in names:
                raise unknown("tuner argument", name, names)
        options = cls(**given)
        if options.distribution_strategy is not None:
            raise InputError(
                "distribution_strategy: trials run side by side, each on devices of its own; leave it out "
                "and set jobs=… to the number of trials at a time"
            )
        at_least("executions_per_trial", options.executions_per_trial, 1)
        return options


def at_least(name: str, value: Any, least: int) -> None:
    """Raises: InputError: the argument is no whole number, or a lower one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}: a whole number of at least {least} is needed, got {value!r}")


@dataclass(frozen=True)
class Plan:
    """How a tuner searches.

    Attributes:
        sampler, pruner: names of `sweeps.study.samplers`.
        sampler_options, pruner_options: theirs.
        max_trials: None: all of a grid.
        epochs: a trial's; None: as many as `search` is given.
    """

    sampler: str
    pruner: str
    max_trials: int | None
    epochs: int | None = None
    sampler_options: Mapping[str, int] = field(default_factory=dict)
    pruner_options: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """The arguments that all tuners of KerasTuner have by their own names.

    A trial that fails for good is made up for by another one, here.
    """

    seed: int | None
    hyperparameters: keras_tuner.HyperParameters | None
    tune_new_entries: bool
    allow_new_entries: bool
    max_retries_per_trial: int
    max_consecutive_failed_trials: int
