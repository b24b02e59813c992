"""The trials of a study as they are asked about at every step: what has finished is taken in once.

A study that grows is asked ever the same: how many trials count, which points were tried, which are the best. An
`Index` is an answer that grows along with the study; the few trials that have not finished are looked at each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar
from weakref import WeakKeyDictionary

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial


class Index(Protocol):
    """What is known of all finished trials."""

    def add(self, trial: FrozenTrial) -> None:
        """Take in a trial that has finished, and so changes no more."""


Kept = TypeVar("Kept", bound=Index)
Of = ParamSpec("Of")


class History:
    """The trials of one study.

    Attributes:
        trials: all of them, by number.
        open: those that have not finished, by number.
    """

    def __init__(self) -> None:
        self.trials: Sequence[FrozenTrial] = []
        self.open: list[FrozenTrial] = []
        self._indexes: dict[Hashable, Index] = {}
        self._turn = threading.RLock()  # the driver's threads may ask while another one tells

    def index(self, kind: Callable[Of, Kept], *of: Of.args, **named: Of.kwargs) -> Kept:
        """The index of that kind, made when it is first asked for.

        Args:
            of, named: what it is made of.
        """
        key = (kind, of, *named.items())
        with self._turn:
            if key not in self._indexes:
                made = kind(*of, **named)
                for trial in self.trials:
                    if trial.state.is_finished():
                        made.add(trial)
                self._indexes[key] = made
            return self._indexes[key]  # type: ignore[return-value]

    def update(self, read: Callable[[], Sequence[FrozenTrial]]) -> None:
        """Take in what is new.

        Args:
            read: gives all trials of the study, by number.
        """
        with self._turn:
            trials = read()  # by one thread after the other, so that what is taken in never gets older
            changed = [*(trials[trial.number] for trial in self.open), *trials[len(self.trials) :]]
            self.trials = trials
            self.open = [trial for trial in changed if not trial.state.is_finished()]
            for trial in changed:
                if trial.state.is_finished():
                    for index in self._indexes.values():
                        index.add(trial)


_histories: WeakKeyDictionary[BaseStorage, dict[int, History]] = WeakKeyDictionary()
_finding = threading.Lock()


def history_of(study: optuna.Study) -> History:
    """The history of a study, up to date; views of a study have the history of their study."""
    with _finding:
        history = _histories.setdefault(study._storage, {}).setdefault(study._study_id, History())
    history.update(lambda: study._storage.get_all_trials(study._study_id, deepcopy=False))
    return history


def attributes_of(study: optuna.Study) -> Mapping[str, Any]:
    """A study's user attributes, to be read only: `study.user_attrs` copies them all."""
    return study._storage.get_study_user_attrs(study._study_id)
