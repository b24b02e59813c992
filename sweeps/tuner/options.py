"""The arguments of tuners."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sweeps.errors import InputError, unknown

#: the options that KerasTuner's `Tuner` does not have, or that are not passed to it
OWN_OPTIONS = ("jobs", "accept_changed_space")


@dataclass(frozen=True)
class Options:
    """The keyword arguments of KerasTuner's `Tuner`, and two more.

    Attributes:
        max_model_size: the highest number of parameters; a trial with more fails.
        optimizer, loss, metrics: override those of the compiled model.
        directory: the workspace; None: the command line's (`runs/`, or `SWEEPS_HOME`).
        project_name: determines the study's name.
        overwrite: remove an existing study.
        executions_per_trial: the number of models per trial; the score is the mean of their best epochs.
        logger, tuner_id: accepted and ignored.
        distribution_strategy: trials then run one after another in this process, under its scope.
        jobs: the number of parallel trials; None: one per core. Not in KerasTuner.
        accept_changed_space: continue with a hypermodel that was edited since the first search. Not in KerasTuner.
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
    def named(cls, arguments: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """Positional arguments by their names, which are in KerasTuner's order, with those that have been `given` so.

        Raises:
            TypeError: there are too many, or one is given twice.
        """
        names = [option.name for option in fields(cls) if option.name not in OWN_OPTIONS]
        if len(arguments) > len(names):
            raise TypeError(f"a tuner takes at most {len(names) + 2} positional arguments")
        named = dict(zip(names, arguments, strict=False))
        if twice := named.keys() & given.keys():
            raise TypeError(f"a tuner got multiple values for argument {min(twice)!r}")
        return named | dict(given)

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Options:
        """Raises: InputError: an argument is unknown or not available."""
        names = [option.name for option in fields(cls)]
        for name in arguments:
            if name not in names:
                raise unknown("tuner argument", name, names)
        options = cls(**arguments)
        at_least("executions_per_trial", options.executions_per_trial, 1)
        return options


def at_least(name: str, value: Any, least: int) -> None:
    """Raises: InputError: the value is no whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name}: a whole number of at least {least} is needed, got {value!r}")


@dataclass(frozen=True)
class FailureLimits:
    """KerasTuner's `max_retries_per_trial` and `max_consecutive_failed_trials`."""

    retries: int
    failures: int
