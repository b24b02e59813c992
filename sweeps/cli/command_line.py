"""The command line that a configuration is, and the configuration that a study was run with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterator
from typing import Any

import optuna

from sweeps.config import SweepConfig, flag
from sweeps.errors import InputError
from sweeps.study.attributes import CONFIG, GIVEN
from sweeps.system.commands import PROGRAM, by_make

#: options that are variables of the Makefile
_VARIABLES = ("dataset", "space", "trials", "epochs", "jobs", "seed", "sampler", "pruner")


def command(config: SweepConfig) -> str:
    """The command line that runs this configuration: what differs from the defaults."""
    return shlex.join([PROGRAM, "run", config.study, *_words(config)])


def to_go_on(config: SweepConfig) -> str:
    """The same as the person types it who is told of it: `make sweep …` for who has typed that."""
    if not by_make():
        return command(config)
    variables = [f"{name.upper()}={value}" for name, value in _differing(config) if name in _VARIABLES]
    more = _words(config, beside=_VARIABLES)
    return shlex.join(
        ["make", "sweep", f"STUDY={config.study}", *variables, *([f"ARGS={shlex.join(more)}"] * bool(more))]
    )


def _differing(config: SweepConfig) -> Iterator[tuple[str, Any]]:
    """The options with another value than their default."""
    for name, field in SweepConfig.model_fields.items():
        value = getattr(config, name)
        if name != "study" and value != field.get_default(call_default_factory=True):
            yield name, value


def _words(config: SweepConfig, beside: Collection[str] = ()) -> list[str]:
    """The flags of a configuration, without those of some options."""
    words = []
    for name, value in _differing(config):
        if name in beside:
            continue
        if isinstance(value, bool):
            words.append(flag(name) if value else flag(f"no_{name}"))
            continue
        if name.endswith("_options") or name == "resources":
            value = tuple(f"{option}={_digits(number)}" for option, number in value.items())
        elif name == "workers":
            value = "{}..{}".format(*value)
        elif isinstance(value, dict):
            value = json.dumps(value)
        elif isinstance(value, float):
            value = _digits(value)
        values = value if isinstance(value, tuple) else (value,)
        for one in values:
            words += [flag(name), str(one)]
    return words


def _digits(number: float) -> str:
    """A number with all of its digits, of which `:g` leaves some out."""
    return repr(number).removesuffix(".0")


def config_of(study: optuna.Study) -> SweepConfig:
    """The configuration that the study was last run with; without the options that are of one call.

    Raises:
        InputError: it was not begun.
    """
    known = study.user_attrs.get(CONFIG)
    if known is None:
        raise InputError(f"study {study.study_name!r} was not begun: its first start ended before. Give it again")
    return SweepConfig(**known)


def given_by_program(study: optuna.Study) -> str:
    """What a Python program gave the study, which no command line has: "space", "data", "space and data"; or ""."""
    return " and ".join(study.user_attrs.get(GIVEN, ()))


def repeated(study: optuna.Study) -> str:
    """What repeats the sweep of a study: a command, or for one of a Python program the call of `sweeps.run`."""
    config = config_of(study)
    if not (given := given_by_program(study)):
        return command(config)
    defaults = SweepConfig(study=config.study)
    options = {
        name: value
        for name, value in config
        if value != getattr(defaults, name) and name not in ("study", "dataset", "space", "jobs")
    }
    listed = [f"study={config.study!r}", *(f"{name}={value!r}" for name, value in options.items())]
    return f"sweeps.run(…, {', '.join(listed)})  # {given} from the Python program"
