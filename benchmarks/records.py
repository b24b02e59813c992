"""What `results.json` holds, and what a way's process is told and answers."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from dask.system import CPU_COUNT
from pydantic import BaseModel, ConfigDict

#: where both commands write
FILE = Path(__file__).with_name("results.json")

_PACKAGES = ("keras", "tensorflow", "keras-tuner", "optuna", "mlflow", "distributed", "ray", "numpy")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Record):
    """One run of one way.

    Attributes:
        way: a name of `ways.WAYS`.
        dataset: as `sweeps run --dataset` takes it.
        configurations: how many of `CONFIGURATIONS`, from the first.
        jobs: trials at once, for the ways that run several.
        folder: for what the run writes; an own one for each.
    """

    way: str
    dataset: str
    epochs: int
    configurations: int
    jobs: int
    folder: Path


class Breakdown(_Record):
    """Where this project's workers spent their time; seconds a trial, means over the trials.

    Attributes:
        trial: from the moment the trial is asked for to its end.
        phases: of that, the parts that each trial logs about itself: build, compile, train, validate, log.
        calls: of that, the calls of MLflow's client and of Optuna, by name.
    """

    trial: float
    phases: dict[str, float]
    calls: dict[str, float]

    @property
    def training(self) -> float:
        """Seconds that train or validate."""
        return self.phases.get("train", 0.0) + self.phases.get("validate", 0.0)

    @property
    def services(self) -> float:
        """The share of a trial that MLflow and Optuna take together."""
        return sum(self.calls.values()) / self.trial


class Outcome(_Record):
    """What a way's process answers.

    Attributes:
        seconds: from the search's start to its end.
        accuracies: the best `val_accuracy` over the epochs of each configuration, in their order.
        extras: seconds worth telling apart, by name; whether they are part of `seconds` is in `speed.CLOCK`.
    """

    seconds: float
    accuracies: tuple[float | None, ...]
    extras: dict[str, float] = {}
    breakdown: Breakdown | None = None


class Run(Outcome):
    """One run, with what its parent knows: `wall_seconds` is the whole process, imports and data included."""

    way: str
    epochs: int
    wall_seconds: float

    @property
    def per_trial(self) -> float:
        """Seconds of search a trial."""
        return self.seconds / len(self.accuracies)


class Floor(_Record):
    """The matrix products of one epoch of each configuration, in seconds on one core.

    Attributes:
        training, validation: in the configurations' order, with nothing else running.
        busy: all of it with as many processes at once as there are slots, relative to alone.
    """

    training: tuple[float, ...]
    validation: tuple[float, ...]
    busy: float
    blas: str

    @property
    def epoch(self) -> float:
        """Seconds an epoch of the mean configuration, training and validation."""
        return (sum(self.training) + sum(self.validation)) / len(self.training)


class Speed(_Record):
    """`make bench`; `left_out` says what was not run, and why."""

    dataset: str
    configurations: tuple[str, ...]
    runs: tuple[Run, ...]
    floor: Floor | None
    left_out: tuple[str, ...] = ()


class Scale(_Record):
    """`make bench-scale`.

    Attributes:
        overhead: trial number -> seconds of a trial that neither train nor validate (median of a few trials).
        memory: trials that a worker has run -> its resident bytes.
        trials_an_hour: slots -> trials an hour, one figure a repetition.
    """

    overhead: dict[int, float]
    memory: dict[int, int]
    trials_an_hour: dict[int, tuple[float, ...]]


class Machine(_Record):
    """Where it was measured."""

    cpu: str
    cores: int
    versions: dict[str, str]


class Goal(_Record):
    """One figure that is to be reached; `measured` is None where the run did not bring it."""

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
        """The share of the goal that lacks, or by which it is exceeded; 0 where it is met or not measured."""
        return 0.0 if self.met is not False or self.measured is None else abs(self.measured / self.wanted - 1)


class Results(_Record):
    """All of `results.json`."""

    machine: Machine
    speed: Speed | None = None
    scale: Scale | None = None
    goals: tuple[Goal, ...] = ()


def this_machine() -> Machine:
    """The processor, its cores, and the versions of what was compared."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return Machine(cpu=_cpu(), cores=CPU_COUNT, versions=versions)


def load(file: Path) -> Results | None:
    """What an earlier run wrote; None without one."""
    return Results.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def save(results: Results, file: Path) -> None:
    """Write it so that a difference can be read line by line."""
    file.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
