"""What a sweep is asked to do: validated once, here, into an immutable object."""

from __future__ import annotations

import contextlib
import math
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from dask.system import CPU_COUNT
from dask.utils import parse_bytes, parse_timedelta
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from sweeps.data import CsvFormat, DataSource, class_weights
from sweeps.errors import InputError, unknown
from sweeps.study import kept_models
from sweeps.study.budget import Budget
from sweeps.study.constraints import Constraint, parse_constraints
from sweeps.study.objective_choice import check_objectives
from sweeps.study.rounds import Rounds
from sweeps.system.paths import check_study_name
from sweeps.system.reading import read_text


def parse_duration(value: object) -> object:
    """Seconds of `90`, `90s`, `10m`, `1.5h`, `2d`; a number goes on to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return parse_timedelta(value)
    except OverflowError:
        return math.inf  # beyond the limit, which pydantic names
    except (ValueError, KeyError, IndexError):
        raise ValueError("a time such as 90s, 10m, 1.5h or 2d is wanted") from None


Count = Annotated[int, Field(ge=1, le=1_000_000)]

#: what a sweep trains first, see `plan.SweepRequest`
Start = Literal["portfolio", "default", "none"]

#: bytes that a worker needs for its imports, some data and a model
LEAST_MEMORY = 10**9


def parse_size(value: object) -> object:
    """Bytes of `4GB`, `1.5GiB`, `4000000000`."""
    size = value
    if isinstance(value, str):
        with contextlib.suppress(ValueError, OverflowError):
            size = parse_bytes(value)
    if isinstance(size, bool) or not isinstance(size, int):
        raise ValueError("a size is wanted, as 4GB or 1.5GiB")
    if size < LEAST_MEMORY:
        raise ValueError("a worker needs at least 1GB")
    return size


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=86400 * 365, allow_inf_nan=False)]


def _class_weight(value: object) -> object:
    return None if value is None else class_weights.parse(value)


def _listed(value: object) -> object:
    """`("a,b", "c")` and `"a,b,c"` as `("a", "b", "c")`, each once."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return value
    return tuple(dict.fromkeys(name for text in texts for part in text.split(",") if (name := part.strip())))


def is_described(cluster: str) -> bool:
    """Whether `--cluster` names a file that describes a cluster, not the address of a scheduler."""
    return cluster.endswith(".toml")


def _cluster(value: object) -> object:
    value = str(value) if isinstance(value, Path) else value
    if isinstance(value, str) and not (re.fullmatch(r"(tcp|tls)://[^\s/]+:\d+", value) or is_described(value)):
        raise ValueError(
            "the address of a Dask scheduler is wanted, as tcp://HOST:8786 or tls://HOST:8786, or a .toml file"
        )
    return value


def _workers(value: object) -> object:
    """`8` as `(8, 8)`, `"4..64"` as `(4, 64)`."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        first, dots, last = value.partition("..")
        value = (first.strip(), last.strip() if dots else first.strip())
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(str(one).isdecimal() for one in value):
        raise ValueError("a number is wanted, or two as 4..64")
    least, most = (int(one) for one in value)
    if not least <= most or not 1 <= most <= 10_000:
        raise ValueError("two numbers up to 10000 are wanted, the smaller one first, as 4..64")
    return least, most


def storage_address(value: str) -> str:
    """The address of a database.

    Raises:
        InputError: it is none, or has a password in it.
    """
    # a wrong one is not shown: it may have a password in it
    if not re.fullmatch(r"postgresql://([^\s:/@?#]+@)?[^\s:/@?#]+(:\d{1,5})?/[^\s:/@?#]+(\?[^\s#]*)?", value):
        raise InputError(
            "--storage: postgresql://USER@HOST:PORT/NAME is wanted\n"
            "A password belongs into PGPASSWORD or ~/.pgpass, where others cannot see it"
        )
    if "password" in value.partition("?")[2]:
        raise InputError("--storage: others can see a password there: it belongs into PGPASSWORD or ~/.pgpass")
    return value


def _one_or_several(value: object) -> object:
    """Of a list with one text that text, of an empty one None."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(value) if len(value) > 1 else next(iter(value), None)


def _options(value: object) -> object:
    """`("startup=20",)` as `{"startup": "20"}`."""
    if isinstance(value, list | tuple):
        pairs = [str(text).partition("=") for text in value]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError("NAME=NUMBER is wanted")
        value = {name.strip(): number for name, _, number in pairs}
    if isinstance(value, dict) and any(isinstance(number, bool) for number in value.values()):
        raise ValueError("a number is wanted")
    return value


#: that a worker announces to Dask
Resources = Annotated[dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]], BeforeValidator(_options)]

#: of a sampler or a pruner
Options = Annotated[dict[str, Count], BeforeValidator(_options)]

#: options of one call, not of the study
PASSING = {
    *("enqueue", "start", "warm_start", "time_budget", "epoch_budget", "stop_at", "patience_trials", "baselines"),
    *("confirm", "report", "cluster", "workers", "resources", "storage", "accept_changed_space"),
}

#: options whose values have no order
_SETS = ("drop", "columns", "constraint")


class SweepConfig(BaseModel):
    """One sweep's options, under the names of the command line's flags as `flag` gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    study: str
    dataset: str = "digits"
    target: str | None = None
    task: str | None = None
    weight_column: str | None = None
    drop: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    columns: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    csv_separator: str | None = None
    csv_decimal: str | None = None
    csv_thousands: str | None = None
    csv_encoding: str | None = None
    csv_dayfirst: bool | None = None
    space: str = "mlp"
    trials: Count = 20
    epochs: Count = 20
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    repeats: Annotated[int, Field(ge=2, le=20)] | None = None
    epoch_budget: Annotated[int, Field(ge=1, le=10**9)] | None = None
    stop_at: Annotated[float, Field(allow_inf_nan=False)] | None = None
    patience_trials: Count | None = None
    cluster: Annotated[str | None, BeforeValidator(_cluster)] = None
    workers: Annotated[tuple[int, int], BeforeValidator(_workers)] | None = None
    resources: Resources = {}
    storage: Annotated[str, AfterValidator(storage_address)] | None = None
    jobs: Annotated[int, Field(ge=1, le=1024)] = CPU_COUNT
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    sampler: str = "tpe"
    sampler_options: Options = {}
    pruner: str = "median"
    pruner_options: Options = {}
    objective: Annotated[str | tuple[str, ...] | None, BeforeValidator(_one_or_several)] = None
    constraint: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    class_weight: Annotated[str | dict[str, float] | None, BeforeValidator(_class_weight)] = None
    metrics: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    callback: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    patience: Count | None = None
    set: tuple[str, ...] = ()
    start: Start = "portfolio"
    enqueue: Path | None = None
    warm_start: str | None = None
    time_budget: Seconds | None = None
    trial_timeout: Seconds | None = None
    memory_limit: Annotated[int, BeforeValidator(parse_size)] | None = None
    keep_models: str | None = None
    baselines: bool = Field(default_factory=lambda: os.environ.get("SWEEPS_BASELINES") != "0")
    allow_lambda: bool = False
    accept_changed_space: bool = False
    confirm: bool = False
    report: bool = Field(default_factory=lambda: os.environ.get("SWEEPS_REPORT") != "0")

    @field_validator("study")
    @classmethod
    def _study_is_a_name(cls, value: str) -> str:
        return check_study_name(value)

    @field_validator(
        *("trials", "epochs", "folds", "repeats", "epoch_budget", "stop_at", "patience_trials", "jobs", "seed"),
        *("patience", "time_budget"),
        mode="before",
    )
    @classmethod
    def _a_boolean_is_no_number(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("a number is wanted")
        return value

    @field_validator("workers", "resources")
    @classmethod
    def _workers_are_those_of_a_cluster(cls, value: Any, info: ValidationInfo) -> Any:
        if value and info.data.get("cluster") is None:
            raise ValueError("it is for the workers of a --cluster")
        if value and info.field_name == "workers" and not is_described(str(info.data["cluster"])):
            raise ValueError("it is for a cluster that a .toml file describes; the workers of a scheduler are there")
        return value

    @field_validator("epoch_budget")
    @classmethod
    def _a_budget_is_enough_for_a_trial(cls, value: int | None, info: ValidationInfo) -> int | None:
        given = {name: info.data.get(name) or 1 for name in ("epochs", "folds", "repeats")}
        if value is not None and value < math.prod(given.values()):
            options = " ".join(f"{flag(name)} {n}" for name, n in given.items() if n > 1 or name == "epochs")
            raise ValueError(f"it must be enough for one trial, which has {options}")
        return value

    @field_validator("keep_models")
    @classmethod
    def _models_are_kept_by_a_rule(cls, value: str | None) -> str | None:
        if value is not None:
            kept_models.parse(value)
        return value

    @property
    def models_kept(self) -> int | None:
        """How many of the best trials keep their models; None: all."""
        return kept_models.most_kept(self.keep_models, self.trials)

    @field_validator("objective")
    @classmethod
    def _objectives_are_several_things(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        check_objectives(_texts(value))
        return value

    @property
    def objectives(self) -> tuple[str, ...]:
        """What is searched for, as it was asked for; none: the data's own metric."""
        return _texts(self.objective)

    @field_validator("constraint")
    @classmethod
    def _constraints_hold_together(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(str, parse_constraints(value)))

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """What the best trial must keep."""
        return parse_constraints(self.constraint)

    @property
    def rounds(self) -> Rounds:
        """Of each trial."""
        return Rounds(self.folds or 1, self.repeats or 1)

    @property
    def budget(self) -> Budget:
        """What the study may spend."""
        epochs_a_trial = self.epochs * len(self.rounds)
        return Budget(self.trials, epochs_a_trial, self.epoch_budget, self.stop_at, self.patience_trials)

    def identity(self) -> dict[str, Any]:
        """The part of the study's identity that is asked for, not found: a resume must ask for the same."""
        options = (
            *("target", "task", "weight_column", "drop", "columns"),
            *("class_weight", "callback", "patience", "allow_lambda", "folds", "repeats", "constraint"),
        )
        given = {name: value for name in options if (value := getattr(self, name))}
        return {
            "space": self.space,
            "epochs": self.epochs,
            "seed": self.seed,
            "set": tuple(sorted(self.set)),
            "options": {name: sorted(value) if name in _SETS else value for name, value in given.items()},
        }

    def source(self, as_given: bool) -> DataSource:
        """The data that is named.

        Args:
            as_given: for the user's own model.

        Raises:
            InputError: see `DataSource` and `CsvFormat`.
        """
        return DataSource(
            self.dataset,
            target=self.target,
            task=self.task,
            seed=self.seed,
            weight_column=self.weight_column,
            drop=self.drop,
            columns=self.columns,
            csv=CsvFormat(
                *(self.csv_separator, self.csv_decimal, self.csv_thousands, self.csv_encoding),
                dayfirst=self.csv_dayfirst,
            ),
            as_given=as_given,
        )


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
    given.setdefault("study", default_study(str(given.get("dataset", "digits")), str(given.get("space", "mlp"))))
    try:
        return SweepConfig(**given)
    except ValidationError as error:
        raise InputError(_first(error)) from None


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def default_study(dataset: str, space: str) -> str:
    """`digits-mlp`; of paths the stem counts, of `module:function` both, and of their letters those that a study's
    name may have."""
    data, model = (
        re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-_.") for name in (Path(dataset).stem, Path(space).name)
    )
    return f"{data[: max(1, 63 - len(model))]}-{model}".strip("-")[:64] or "study"


def _read_toml(file: Path) -> dict[str, Any]:
    text = read_text("--config", file)
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"--config: {str(file)!r} is not TOML: {error}") from None
    except RecursionError:
        raise InputError(f"--config: {str(file)!r} is nested too deeply") from None
    values = {key.replace("-", "_"): value for key, value in read.items()}
    if len(values) < len(read):
        twice = next(key for key in read if "-" in key and key.replace("-", "_") in read)
        raise InputError(f"--config: {str(file)!r} has {twice!r} twice, with - and with _")
    if isinstance(values.get("set"), dict):
        values["set"] = [f"{name}={_as_text(name, value)}" for name, value in values["set"].items()]
    return values


def _as_text(name: str, value: object) -> str:
    """A `[set]` table's value as `--set` takes it: `[64, 128]` are choices, `true` a boolean."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str | int | float) for one in values):
        raise InputError(f"--set: {name} must be a value, a range or a list of values, got {value!r}")
    return ",".join(map(str, values))


def flag(name: str) -> str:
    """The command line's flag for an option; one that takes several values is repeated there."""
    return "--" + name.replace("_options", "_option").replace("_", "-")


def _first(error: ValidationError) -> str:
    """The first mistake: which option, the rule, the value received."""
    detail = error.errors(include_url=False)[0]
    if isinstance(wrong := detail.get("ctx", {}).get("error"), InputError):  # which says all of that
        return str(wrong)
    option = flag(".".join(map(str, detail["loc"])))
    return f"{option}: {detail['msg'].removeprefix('Value error, ')}, got {detail['input']!r}"
