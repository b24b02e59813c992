"""What the driver gives a worker to run, and what it gets back: value objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution

from sweeps.space.known import Known
from sweeps.trial.plan import TrialOutcome

if TYPE_CHECKING:  # the client reads this file before it has time for MLflow
    from tracking import ModelPlace

#: a call of a method of the trial or of its run, as `[name, *arguments]` of what JSON holds
Event = Sequence[Any]


@dataclass(frozen=True)
class TrialTask:
    """A trial that a worker is to run.

    Attributes:
        attributes: the trial's user attributes.
        fixed: the values that it is to have, by the names of the study's parameters.
        drawn: name, distribution and value of what the sampler draws, if the trial asks for it in this order.
        known: the study's parameters, by name.
        first: the number of the first attempt at it, under which its checkpoint is.
        origin: the number of the trial whose seed it has.
        asks_for_firsts: the sampler wants to know the default of each parameter before it is drawn.
        driver: the address at which the driver listens.
        elsewhere: its worker does not share the driver's disk.
    """

    number: int
    attributes: Mapping[str, Any]
    fixed: Mapping[str, Any]
    drawn: Sequence[tuple[str, BaseDistribution, Any]]
    known: Mapping[str, Known]
    first: int
    origin: int
    asks_for_firsts: bool
    driver: str
    elsewhere: bool


@dataclass(frozen=True)
class Drawn:
    """The answer to a request for a value.

    Attributes:
        ahead: what was drawn together with it: distribution and value, by name.
    """

    value: Any
    ahead: Mapping[str, tuple[BaseDistribution, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """What of a trial that has come to its end is to be kept.

    Attributes:
        model: where its model is to be written; None: it is not kept.
        state: whether its last state is.
    """

    model: ModelPlace | None
    state: bool


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended, with what the driver has not been told yet."""

    outcome: TrialOutcome
    events: Sequence[Event]
