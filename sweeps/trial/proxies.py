"""A trial and its MLflow run as a worker has them: what is done to them, the driver does to the real ones."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    _get_single_value,
    distribution_to_json,
)

from sweeps.study.draft import Repeated
from sweeps.trial.files import sent_model
from sweeps.trial.messages import Messages
from sweeps.trial.task import Drawn, Kept, TrialTask
from tracking import DataDescription, ModelPlace
from tracking.trial_run import now


class TrialProxy:
    """A trial of the study, in its worker.

    Values that the driver has drawn together, and those that are fixed, are taken without asking; the driver draws them
    too when it is told of them, which gives the same.

    Attributes:
        repeats: what was drawn is a point that the study has tried.
        firsts: gets the default of each parameter before it is drawn, for a sampler that wants to know; None: it does
            not.
    """

    def __init__(self, task: TrialTask, messages: Messages) -> None:
        self.number, self.known, self.repeats = task.number, task.known, False
        self.firsts: dict[str, Any] | None = {} if task.asks_for_firsts else None
        self._messages, self._fixed, self._elsewhere = messages, task.fixed, task.elsewhere
        self._attributes = dict(task.attributes)
        self._params: dict[str, Any] = {}
        self._distributions: dict[str, BaseDistribution] = {}
        self._ahead: Mapping[str, tuple[BaseDistribution, Any]] = {}
        self._sequence = list(task.drawn)
        self._violations: dict[str, float] = {}
        self._settled = False

    @property
    def params(self) -> dict[str, Any]:
        """The values so far."""
        return dict(self._params)

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Those of `params`."""
        return dict(self._distributions)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The trial's attributes."""
        return self._attributes

    @property
    def constraints(self) -> dict[str, float]:
        """The violations that were set."""
        return self._violations

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """See Optuna's trial."""
        return float(self._suggest(name, FloatDistribution(low, high, log=log, step=step)))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """See Optuna's trial."""
        return int(self._suggest(name, IntDistribution(low, high, log=log, step=step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """See Optuna's trial."""
        return self._suggest(name, CategoricalDistribution(choices))

    def report(self, value: float, step: int) -> None:
        """Report a value of the objective."""
        self._messages.tell("report", float(value), step)

    def should_prune(self) -> bool:
        """Whether the pruner sees no prospect."""
        return bool(self._messages.ask("should_prune"))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Set an attribute of the trial."""
        self._attributes[key] = value
        self._messages.tell("set_user_attr", key, value)

    def set_constraint(self, key: str, value: float) -> None:
        """Set the violation of a constraint."""
        self._violations[key] = value
        self._messages.tell("set_constraint", key, value)

    def tell_epoch(self, epoch: int, epochs: int, value: float | None) -> None:
        """Tell how far the trial has come."""
        self._messages.tell("epoch", epoch, epochs, value)
        self._messages.tell_soon()

    def check(self) -> None:
        """Raises: Repeated: what was drawn so far is a whole point that the study has tried."""
        if not self._settled and (known := self._messages.ask("check")):
            self.repeats = bool(known)
            raise Repeated

    def settle(self) -> None:
        """Let the study have what was drawn, if it is new.

        Raises:
            Repeated: it is not; `redraw` is to follow.
        """
        if self._settled:
            return
        if self._messages.ask("settle"):
            self.repeats = True
            raise Repeated
        self._settled = True

    def store(self) -> None:
        """Let the study have what was drawn; what is drawn from now on it has at once."""
        if not self._settled:
            self._settled = True
            self._messages.tell("store")

    def redraw(self) -> None:
        """Forget what was drawn; what is drawn next comes from another sampler.

        Raises:
            NothingNew: all of them were asked.
        """
        self.firsts = {} if self._messages.ask("redraw") else None
        self.repeats, self._ahead, self._sequence = False, {}, []
        self._params, self._distributions = {}, {}

    def model_place(self, place: ModelPlace) -> AbstractContextManager[ModelPlace]:
        """Where the model is written while the block runs; it is sent to the driver's place, if that is elsewhere."""
        return sent_model(place, self._messages) if self._elsewhere else contextlib.nullcontext(place)

    def place(self) -> int:
        """Which trial of the study this is, from 0, where all attempts at one are the same."""
        return int(self._messages.ask("place"))

    def kept(self, value: float | None) -> Kept:
        """What is to be kept of this trial, which has come to that value."""
        answer: Kept = self._messages.ask("kept", value)
        return answer

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._params:
            return self._params[name]
        first = (self.firsts or {}).get(name)
        described = [name, distribution_to_json(distribution), first]
        taken, value = self._take(name, distribution)
        if taken:
            self._messages.tell("draw", *described)
        else:
            drawn: Drawn = self._messages.ask("draw", *described)
            value, self._ahead = drawn.value, drawn.ahead
        self._params[name], self._distributions[name] = value, distribution
        return value

    def _take(self, name: str, distribution: BaseDistribution) -> tuple[bool, Any]:
        """Whether a value is known without asking, and which, in the order in which Optuna's trial looks for one."""
        if name in self._fixed:
            return distribution._contains(_internal(distribution, self._fixed[name])), self._fixed[name]
        if distribution.single():
            return True, _get_single_value(distribution)
        if self._sequence:
            next_name, next_distribution, value = self._sequence.pop(0)
            if (next_name, next_distribution) == (name, distribution):
                return True, value
            self._sequence.clear()  # what the sampler draws from now on follows from another order
        known, value = self._ahead.get(name, (None, None))
        return known == distribution, value


def _internal(distribution: BaseDistribution, value: Any) -> float:
    """Optuna's number for a value; NaN, which no distribution contains, for none of its values."""
    try:
        return distribution.to_internal_repr(value)
    except ValueError:
        return float("nan")


class RunProxy:
    """The MLflow run of a trial, in its worker; see `tracking.TrialRun`. The driver ends it as the trial ends."""

    def __init__(self, messages: Messages) -> None:
        self._tell = messages.tell

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log parameters."""
        self._tell("log_params", dict(params))

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Log the metrics of an epoch; `step` counts from 1."""
        self._tell("log_metrics", {name: float(value) for name, value in metrics.items()}, step, now())

    def log_score(self, name: str, value: float, step: int, model_uri: str, data: DataDescription) -> None:
        """Log a metric of the run that is also one of its model, measured on this data."""
        self._tell("log_score", name, float(value), step, model_uri, [data.name, data.digest, data.source])

    def rename(self, name: str) -> None:
        """Name the run."""
        self._tell("rename", name)

    def describe(self, text: str) -> None:
        """Give the run a description."""
        self._tell("describe", text)

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags."""
        self._tell("set_tags", {name: str(value) for name, value in tags.items()})

    def log_text(self, text: str, file: str) -> None:
        """Log a text as the artifact `file`."""
        self._tell("log_text", text, file)
