"""What crosses between the client and its workers: value objects, nothing that lives in one process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sweeps.config import Start, SweepConfig
from sweeps.data import DataSource
from sweeps.model.keras_state import KerasState
from sweeps.space.fingerprint import SpaceSource
from sweeps.space.reference import SpaceRef
from sweeps.study.constraints import Constraint
from sweeps.study.identity import OBJECTIVES, Identity
from sweeps.study.rounds import ONE, Rounds
from sweeps.study.study import Objective, StudyRef
from sweeps.system import paths
from sweeps.trial.fit_options import Fitting


@dataclass(frozen=True)
class TrialPlan:
    """All that a worker needs to run trials of a sweep, on whatever machine it is.

    Attributes:
        trial_timeout: seconds after which a trial is ended; None for never.
        draws_epochs: each trial draws its number of epochs.
        keras: Keras's global settings in the client; None: it has none.
        space_version: which of the study's versions of its space this is; None: it has none.
        models_kept: how many of the best trials keep their models; None: all.
        constraints: what a trial is held to.
    """

    study: StudyRef
    objective: Objective
    space: SpaceRef
    source: DataSource
    set: tuple[str, ...]
    ambiguous: frozenset[str]
    fitting: Fitting = field(default_factory=Fitting)
    trial_timeout: float | None = None
    draws_epochs: bool = False
    keras: KerasState | None = None
    space_version: int | None = None
    models_kept: int | None = None
    constraints: tuple[Constraint, ...] = ()

    @property
    def epochs(self) -> int:
        """Epochs of each round of a trial, at most."""
        return self.study.epochs

    @property
    def rounds(self) -> Rounds:
        """Of each trial."""
        return self.study.rounds

    @property
    def figures(self) -> frozenset[str]:
        """The figures of a trial that are asked for beside the first objective's value."""
        return frozenset({*self.objective.others, *(one.name for one in self.constraints)})

    @property
    def overdue(self) -> str:
        """What is said of a trial that took too long."""
        return f"ran longer than --trial-timeout {self.trial_timeout or 0:g} s"


@dataclass(frozen=True)
class WarmStart:
    """What was found elsewhere.

    Attributes:
        study: the name of the other study.
        trials: hyperparameters of its best trials, the best first.
    """

    study: str
    trials: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class SweepRequest:
    """What is looked at before anything is stored.

    Attributes:
        start: what is trained first where nothing is enqueued: the default values and the space's portfolio, if it has
            one, the default values, or nothing.
        total: how many trials the study is to have.
        epochs: of a trial, at most.
        counts_failed: trials that failed for good count towards the total.
        keras: Keras's global settings in the client; None: it has none.
        keeps_models: whether trained models are to be saved, and loaded again.
        allow_lambda: they may hold lambdas.
        source_of_space: what the space is made of.
        warm_start: what is trained first beside the enqueued trials; None: nothing.
        rounds: of each trial.
        constraints: what a trial is held to.
    """

    space: SpaceRef
    source: DataSource
    set: tuple[str, ...]
    objectives: tuple[str, ...]
    enqueue: tuple[Mapping[str, Any], ...]
    seed: int
    grid: bool
    fitting: Fitting = field(default_factory=Fitting)
    start: Start = "portfolio"
    total: int | None = None
    epochs: int = 1
    counts_failed: bool = False
    keras: KerasState | None = None
    keeps_models: bool = True
    allow_lambda: bool = False
    source_of_space: SpaceSource = field(default_factory=SpaceSource)
    warm_start: WarmStart | None = None
    rounds: Rounds = ONE
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class Preflight:
    """What a look at the data and the space has shown.

    Attributes:
        objective: the metric and its direction, the data's own choice where none was asked for.
        digest: the data's content, as a hash.
        rows: how many rows train, validate and test.
        data: the target's kind, the task in a line, the class labels, the columns' names, and shape and dtype of the
            inputs.
        ambiguous: hyperparameters that are declared with other values under other conditions.
        enqueue: the enqueued trials, as the study takes them.
        warnings: what is odd but no reason to stop.
        hyperparameters: what the space declares with its default values.
        draws_epochs: the number of epochs is a hyperparameter, and the space itself has none of that name.
        keras: Keras's global settings that are not its defaults.
        dense_layers: how dense layers are trained in this worker, and why.
        validation: on how many rows trials are compared, in a line; "" where that needs no words.
    """

    objective: Objective
    digest: str
    rows: Mapping[str, int]
    data: Mapping[str, Any]
    ambiguous: frozenset[str]
    enqueue: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    draws_epochs: bool = False
    keras: Mapping[str, str] = field(default_factory=dict)
    dense_layers: str = ""
    validation: str = ""


@dataclass(frozen=True)
class CheckedSweep:
    """A configuration that was found good, with what the look at it has shown."""

    config: SweepConfig
    request: SweepRequest
    found: Preflight

    @property
    def ref(self) -> StudyRef:
        """The study that they are about."""
        config = self.config
        journal = paths.journal(config.study)
        return StudyRef(
            config.study,
            journal,
            sampler=config.sampler,
            pruner=config.pruner,
            epochs=config.epochs,
            seed=config.seed,
            sampler_options=config.sampler_options,
            pruner_options=config.pruner_options,
            rounds=config.rounds,
            others=self.found.objective.others,
        )

    @property
    def identity(self) -> Identity:
        """What must be equal for all trials of the study."""
        found, asked = self.found, self.config.identity()
        if found.objective.others:
            asked["options"] |= {OBJECTIVES: dict(found.objective.others)}
        return Identity(
            dataset=self.request.source.short_name,
            digest=found.digest,
            objective=found.objective.metric,
            direction=found.objective.direction,
            hyperparameters=found.hyperparameters,
            keras=found.keras,
            **asked,
        )

    def plan(self, space_version: int | None) -> TrialPlan:
        """What the workers get."""
        asked, found = self.request, self.found
        return TrialPlan(
            *(self.ref, found.objective, asked.space, asked.source, asked.set, found.ambiguous),
            fitting=asked.fitting,
            trial_timeout=self.config.trial_timeout,
            draws_epochs=found.draws_epochs,
            keras=asked.keras,
            space_version=space_version,
            models_kept=self.config.models_kept,
            constraints=asked.constraints,
        )


@dataclass(frozen=True)
class TrialBegun:
    """A worker has begun with a trial; sent by it.

    Attributes:
        task: the name of the Dask task.
    """

    task: str


@dataclass(frozen=True)
class EpochReport:
    """How a running trial stands, sent at each epoch's end for the live table."""

    number: int
    epoch: int
    epochs: int
    value: float | None  # None: the objective was not taken in this epoch


class OutcomeState(StrEnum):
    """How a trial ended; more than a study tells apart."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"
    #: the sweep ended before it; a study knows it as FAIL
    INTERRUPTED = "INTERRUPTED"
    #: its worker died, and it is tried again; a study knows it as FAIL
    KILLED = "KILLED"
    #: its worker's result came when it was given up already
    NONE = "NONE"


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended.

    Attributes:
        number: the trial's.
        value: the objective's best value; None without one.
        exhausted: the sampler has nothing left to propose.
        again: if it failed, it may be tried again.
        fatal: no other trial is to follow it: the class of `keras_tuner.errors` that it raised; None otherwise.
        undefined: metrics that were not finite, each with its first such value.
        infeasible: which constraint it breaks; "" if it breaks none.
        halt: what is wrong with the machine; the trial is left unfinished then.
    """

    number: int
    state: OutcomeState
    value: float | None = None
    seconds: float = 0.0
    params: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    exhausted: bool = False
    again: bool = True
    fatal: str | None = None
    undefined: Mapping[str, str] = field(default_factory=dict)
    infeasible: str = ""
    halt: str | None = None
