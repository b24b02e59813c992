"""What a sweep is asked to do: validated once, here, into an immutable object."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from sweeps.errors import InputError, unknown
from sweeps.workspace import check_study_name

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> object:
    """Seconds of `90`, `90s`, `10m`, `1.5h`, `2d`; anything else goes on to pydantic, which names it."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", value.strip())):
        return float(match[1]) * _UNITS[match[2] or "s"]
    return value


Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=86400 * 365, allow_inf_nan=False)]


class SweepConfig(BaseModel):
    """One sweep's options, under the names of the command line's flags (with `_` for `-`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    study: str
    dataset: str = "digits"
    target: str | None = None
    space: str = "mlp"
    trials: Count = 20
    epochs: Count = 10
    jobs: Annotated[int, Field(ge=1, le=1024)] = Field(default_factory=lambda: os.cpu_count() or 1)
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    sampler: str = "tpe"
    pruner: str = "hyperband"
    objective: str | None = None
    set: tuple[str, ...] = ()
    enqueue: Path | None = None
    time_budget: Seconds | None = None

    @field_validator("study")
    @classmethod
    def _study_is_a_name(cls, value: str) -> str:
        return check_study_name(value)

    @field_validator("trials", "epochs", "jobs", "seed", mode="before")
    @classmethod
    def _a_boolean_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("a whole number is wanted")
        return value

    def identity(self) -> dict[str, Any]:
        """The part of the study's identity that is asked for, not found: a resume must ask for the same."""
        return {"space": self.space, "epochs": self.epochs, "seed": self.seed, "set": tuple(sorted(self.set))}


def load_config(options: dict[str, Any], file: Path | None = None) -> SweepConfig:
    """The configuration of `options` over those in the TOML `file`.

    Args:
        options: what the command line gave; None means not given.

    Raises:
        InputError: an option or a key of the file is unknown or has a value that is not allowed.
    """
    given = _read_toml(file) if file else {}
    given |= {name: value for name, value in options.items() if value is not None}
    for key in given:
        if key not in SweepConfig.model_fields:
            raise unknown("option", key, SweepConfig.model_fields)
    given.setdefault("study", default_study(given.get("dataset", "digits"), given.get("space", "mlp")))
    try:
        return SweepConfig(**given)
    except ValidationError as error:
        raise InputError(_first(error)) from None


def default_study(dataset: object, space: object) -> str:
    """`digits-mlp`; of paths the stem counts, of `module:function` both."""
    return f"{Path(str(dataset)).stem}-{Path(str(space)).name.replace(':', '-')}"


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--config: {str(file)!r} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"--config: {str(file)!r} is not TOML: {error}") from None
    values = {key.replace("-", "_"): value for key, value in values.items()}
    if isinstance(values.get("set"), dict):
        values["set"] = [f"{name}={_as_text(value)}" for name, value in values["set"].items()]
    return values


def _as_text(value: object) -> str:
    """A `[set]` table's value as `--set` takes it: `[64, 128]` are choices, `true` a boolean."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _first(error: ValidationError) -> str:
    """The first mistake: which option, the rule, the value received."""
    detail = error.errors(include_url=False)[0]
    option = "--" + ".".join(map(str, detail["loc"])).replace("_", "-")
    return f"{option}: {detail['msg'].removeprefix('Value error, ')}, got {detail['input']!r}"
