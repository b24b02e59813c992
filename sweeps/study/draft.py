"""What a trial draws, held back until all of it is drawn: a point that the study has tried is not trained again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import optuna
from optuna.samplers import BaseSampler

from sweeps.study.attributes import CONTINUES, PARAMS
from sweeps.study.points import is_finite, is_tried
from sweeps.study.samplers import make_sampler
from sweeps.study.study import StudyRef

#: how often the study's sampler is asked again, and then a random one: as often as KerasTuner tries
_AGAIN, _RANDOM = 3, 20


class Repeated(Exception):
    """The study has a trial of the point that was drawn."""


class NothingNew(Exception):
    """Every point that was drawn is one that the study has tried."""


class Draft:
    """Stands in the place of a trial's storage, and holds back the values that the trial draws.

    Optuna stores each value as it is drawn, and cannot take one back.

    Args:
        ref: of the trial's study.
        turn: makes this process the only one that stores what it has drawn.

    Attributes:
        repeats: what it holds is a point that the study has tried.
    """

    def __init__(self, trial: optuna.Trial, ref: StudyRef, turn: Callable[[], AbstractContextManager[None]]) -> None:
        self.repeats = self._stored = False
        self._trial, self._turn, self._storage = trial, turn, trial.storage
        self._held: list[tuple[Any, ...]] = []
        self._sampler, self._others = trial.study.sampler, _samplers(ref, trial)
        if CONTINUES in trial.user_attrs or trial._fixed_params:
            self._stored = True  # its values are asked for as they are
            return
        trial.storage = self  # type: ignore[assignment]
        # what a journal's storage gives out is what it knows, and a trial writes what it draws into that, too
        trial._cached_frozen_trial = copy.copy(trial._cached_frozen_trial)
        self._forget()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_param(self, *drawn: Any) -> None:
        """Hold a value back; see Optuna's storages."""
        self._held.append(drawn)

    def check(self) -> None:
        """Raises: Repeated: what was drawn so far is a whole point that the study has tried."""
        self.repeats = not self._stored and self._is_known()
        if self.repeats:
            raise Repeated

    def settle(self) -> None:
        """Store what was drawn, if it is new.

        Raises:
            Repeated: it is not; `redraw` is to follow.
        """
        with self._turn():
            self.check()
            self.store()

    def store(self) -> None:
        """Store what was drawn; what is drawn from now on is stored at once."""
        if self._stored:
            return
        self._stored = True
        self._trial.storage, self._trial.study.sampler = self._storage, self._sampler
        for drawn in self._held:
            self._storage.set_trial_param(*drawn)
        if not self._held:  # that there is nothing to draw is known now, too
            self._trial.set_user_attr(PARAMS, {})

    def redraw(self) -> None:
        """Forget what was drawn; what is drawn next comes from another sampler.

        Raises:
            NothingNew: all of them were asked.
        """
        sampler = next(self._others, None)
        if sampler is None or not self._held:
            raise NothingNew
        self._trial.study.sampler, self.repeats = sampler, False
        self._forget()

    def _forget(self) -> None:
        self._held.clear()
        drawn = self._trial._cached_frozen_trial
        drawn.params, drawn.distributions = {}, {}
        self._trial.relative_search_space = self._trial._relative_params = None

    def _is_known(self) -> bool:
        return is_tried(self._trial.study, self._trial.params, self._trial.number)


def _samplers(ref: StudyRef, trial: optuna.Trial) -> Iterator[BaseSampler]:
    """Who is asked one after another: the study's own with other seeds, a random one, and, where the points can be
    counted, the one that finds the last of them."""
    for attempt in range(1, 1 + _AGAIN):
        yield ref.sampler_of(trial.number, attempt)
    for attempt in range(_RANDOM):
        yield make_sampler("random", ref.seed, trial.number, attempt=1 + _AGAIN + attempt)
    if is_finite(trial.study):
        yield make_sampler("grid", ref.seed, trial.number)
