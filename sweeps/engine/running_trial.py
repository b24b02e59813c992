"""A trial that a worker has, in the driver: what the worker tells and asks is done here, to the real trial and run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import json_to_distribution

from sweeps.study import kept_models
from sweeps.study.attributes import CONTINUES, PARAMS
from sweeps.study.draft import Draft, Repeated
from sweeps.study.retries import LateResult, place
from sweeps.trial import final_states
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.files import unpack_model
from sweeps.trial.plan import EpochReport, TrialPlan
from sweeps.trial.task import Drawn, Event, TrialTask
from tracking import DataDescription, ModelPlace, TrialRun

GIVEN_UP = "given up before its result came"
#: seconds between two looks for the end of the sweep, while the store is waited for
_INTERVAL = 0.5
#: what a worker may call of its trial and of its run
_OF_TRIAL = frozenset({"set_user_attr", "set_constraint", "report"})
_OF_RUN = frozenset({"log_params", "log_metrics", "rename", "describe", "set_tags", "log_text"})


@dataclass
class RunningTrial:
    """A trial that a worker has.

    Attributes:
        epoch: told of each of its epochs.
        mark: says to other drivers that this one works at the trial, until it is closed.
        exhausted: the sampler has walked all of its grid.
    """

    trial: optuna.Trial
    run: TrialRun
    draft: Draft
    task: TrialTask
    plan: TrialPlan
    epoch: Callable[[EpochReport], None]
    mark: contextlib.ExitStack
    exhausted: list[bool]

    def apply(self, events: Sequence[Event]) -> None:
        """Do to the trial and to its run what the worker has done to its own."""
        for what, *arguments in events:
            if what in _OF_TRIAL:
                getattr(self.trial, what)(*arguments)
            elif what in _OF_RUN:
                getattr(self.run, what)(*arguments)
            elif what == "log_score":
                name, value, step, uri, data = arguments
                self.run.log_score(name, value, step, uri, DataDescription(*data))
            elif what == "draw":
                self._draw(*arguments)
            elif what == "store":
                self.draft.store()
            elif what == "epoch":
                self.epoch(EpochReport(self.trial.number, *arguments))
            else:
                raise ValueError(f"a worker told what no driver knows: {what!r}")

    def answer(self, asked: str, arguments: Sequence[Any], attachment: bytes) -> Any:
        """The answer to a question; to "kept", whether the model and the last state are to be kept.

        Raises:
            ValueError: no driver knows such a question.
        """
        match asked:
            case "draw":
                return self._draw(*arguments)
            case "should_prune":
                return self.trial.should_prune()
            case "check" | "settle":
                try:
                    getattr(self.draft, asked)()
                except Repeated:
                    return True
                return False
            case "redraw":
                return self._redraw()
            case "kept":
                return self._kept(*arguments)
            case "place":
                return place(self.trial.study.get_trials(deepcopy=False), self.trial.number)
            case "save" | "load":
                kind, number = arguments
                return self._file(kind, number, attachment if asked == "save" else None)
            case "model":
                unpack_model(attachment, self.run.spool)
                return None
            case "told":
                return None
        raise ValueError(f"a worker asked what no driver knows: {asked!r}")

    def _file(self, kind: str, number: int, content: bytes | None) -> bytes | None:
        """Keep a checkpoint of a trial's, or give one of those that it begins with."""
        trial, ref = self.trial, self.plan.study
        if number not in (trial.number, self.task.first, trial.user_attrs.get(CONTINUES)):
            raise ValueError(f"trial {trial.number} has no file of trial {number}")
        checkpoints = Checkpoints({"checkpoints": ref.checkpoints, "states": ref.states}[kind])
        if content is None:
            return checkpoints.content(number)
        checkpoints.put(number, content)
        return None

    def _redraw(self) -> bool:
        """Whether the next sampler asks for the default values.

        Raises:
            NothingNew: there is none.
        """
        self.draft.redraw()
        return hasattr(self.trial.study.sampler, "firsts")

    def _kept(self, value: float | None) -> tuple[bool, bool]:
        """Whether the model and the last state are to be kept of a trial that has come to its end with this value."""
        trial, plan = self.trial, self.plan
        continues = CONTINUES in trial.user_attrs  # it was asked for by name

        def among(most: int | None) -> bool:
            return continues or kept_models.is_kept(trial.study, plan.objective, trial.number, value, most)

        return among(plan.models_kept), among(final_states.KEPT)

    def place(self, abandoned: threading.Event) -> ModelPlace:
        """Where a trial's model is to be written, as soon as its run is there.

        Args:
            abandoned: set when nobody waits for the trial any more.

        Raises:
            LateResult: that is so.
            StoreUnavailable: the run was not created.
        """
        while not self.run.is_created(_INTERVAL):
            if abandoned.is_set():
                raise LateResult(GIVEN_UP)
        return self.run.begin_model(self.trial.user_attrs[PARAMS])

    def _draw(self, name: str, distribution: str, first: Any) -> Drawn:
        trial = self.trial
        firsts = getattr(trial.study.sampler, "firsts", None)
        if firsts is not None and first is not None:
            firsts[name] = first
        value = trial._suggest(name, json_to_distribution(distribution))
        space = trial.relative_search_space or {}
        return Drawn(value, {one: (space[one], drawn) for one, drawn in (trial._relative_params or {}).items()})
