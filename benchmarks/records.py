"""The contents of `results.json`, and the input and output of a way's process."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Self

from dask.system import CPU_COUNT
from pydantic import BaseModel, ConfigDict

#: written by `make bench` and `make bench-scale`
FILE = Path(__file__).with_name("results.json")

_PACKAGES = ("keras", "tensorflow", "keras-tuner", "optuna", "mlflow", "distributed", "ray", "numpy")


class Record(BaseModel):
    """An immutable part of a JSON file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """Read a file that `save` has written; None where it does not exist."""
        return cls.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None

    def save(self, file: Path) -> None:
        """Write JSON with one value on each line, for readable diffs."""
        file.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


class Job(Record):
    """One run of one way.

    Attributes:
        way: a name of `ways.WAYS`.
        dataset: an argument of `sweeps run --dataset`.
        configurations: how many of `CONFIGURATIONS`, from the first on.
        jobs: parallel trials, for the ways that support them.
        folder: an empty folder for the run's files.
    """

    way: str
    dataset: str
    epochs: int
    configurations: int
    jobs: int
    folder: Path


class Breakdown(Record):
    """Where this project's workers spent their time; seconds a trial, means over the trials.

    Attributes:
        trial: from `study.ask` to the trial's end.
        phases: its parts as logged by the trials: build, compile, train, validate, log.
        calls: its calls of MLflow's client and Optuna, by name.
    """

    trial: float
    phases: dict[str, float]
    calls: dict[str, float]

    @property
    def training(self) -> float:
        """Seconds of training and validation."""
        return self.phases.get("train", 0.0) + self.phases.get("validate", 0.0)

    @property
    def services(self) -> float:
        """The share of a trial that MLflow and Optuna take together."""
        return sum(self.calls.values()) / self.trial


class Outcome(Record):
    """The output of a way's process.

    Attributes:
        seconds: from the start of the search to its end.
        accuracies: the best `val_accuracy` over the epochs, for each configuration.
        extras: seconds of further parts, by name; `speed.CLOCK` says whether `seconds` includes them.
    """

    seconds: float
    accuracies: tuple[float | None, ...]
    extras: dict[str, float] = {}
    breakdown: Breakdown | None = None


class Run(Outcome):
    """An `Outcome` with its job; `wall_seconds` is the time of the whole process, including imports and data."""

    way: str
    epochs: int
    wall_seconds: float

    @property
    def per_trial(self) -> float:
        """Seconds of search a trial."""
        return self.seconds / len(self.accuracies)


class Floor(Record):
    """The matrix products of one epoch of each configuration, in seconds on one core.

    Attributes:
        training, validation: for each configuration, with nothing else running.
        busy: the time with one process for each slot, relative to that of one process alone.
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]
    busy: float
    blas: str

    @property
    def epoch(self) -> float:
        """Mean seconds of an epoch over the configurations, training and validation."""
        return (sum(self.training) + sum(self.validation)) / len(self.training)


class Speed(Record):
    """Results of `make bench`; `left_out` says what was not run, and why."""

    dataset: str
    configurations: tuple[str, ...]
    runs: tuple[Run, ...]
    floor: Floor | None
    left_out: tuple[str, ...] = ()


class Scale(Record):
    """Results of `make bench-scale`.

    Attributes:
        overhead: trial number -> seconds of a trial besides training and validation (median of a few trials).
        memory: number of trials that a worker has run -> its resident bytes.
        trials_an_hour: slots -> trials an hour, for each repetition.
    """

    overhead: dict[int, float]
    memory: dict[int, int]
    trials_an_hour: dict[int, tuple[float, ...]]


class Sweeps(Record):
    """How the sweeps of one commit scale, measured from outside.

    Attributes:
        commits: measurement -> the commit that it was made of.
        figures: measurement -> figure -> value.
    """

    commits: dict[str, str] = {}
    figures: dict[str, dict[str, float]] = {}

    def with_measured(self, name: str, commit: str, figures: dict[str, float]) -> Sweeps:
        """The same with one measurement made anew."""
        return Sweeps(commits={**self.commits, name: commit}, figures={**self.figures, name: figures})


class Machine(Record):
    """The machine and the versions of the measurement."""

    cpu: str
    cores: int
    versions: dict[str, str]


class Goal(Record):
    """A goal for one figure; `measured` is None where it was not measured."""

    figure: str
    wanted: float
    at_least: bool
    measured: float | None

    @property
    def met(self) -> bool | None:
        """None when it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted

    @property
    def missed_by(self) -> float:
        """The relative distance from the goal; 0 where it is met or not measured."""
        return 0.0 if self.met is not False or self.measured is None else abs(self.measured / self.wanted - 1)


class Results(Record):
    """The contents of `results.json`.

    Attributes:
        sweeps: by the label that their commit was given: "before", "after".
    """

    machine: Machine
    speed: Speed | None = None
    scale: Scale | None = None
    sweeps: dict[str, Sweeps] = {}
    goals: tuple[Goal, ...] = ()


def this_machine() -> Machine:
    """This machine's processor and cores, and the versions of the compared packages."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(cpu=_cpu(), cores=CPU_COUNT, versions=versions)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
