"""Optuna's storage over a journal, which gives out a study's trials without walking over all of them."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Container, Generator

from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState


class ListingStorage(JournalStorage):
    """Optuna's, which makes a list of all trials whenever it is asked for some: 2 ms in a study of 10,000.

    A trial that has finished changes no more, so only the others are looked at again.
    """

    def __init__(self, log_storage: BaseJournalBackend) -> None:
        super().__init__(log_storage)
        #: by study all trials, and which of them have not finished
        self._listed: dict[int, tuple[list[FrozenTrial], list[int]]] = {}

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials by number; see Optuna's storages."""
        with self._thread_lock:
            self._sync_with_backend()
            trials, open_ = self._up_to_date(study_id)
            if states is None:
                found = list(trials)
            elif not any(state in states for state in TrialState if state.is_finished()):
                found = [trials[number] for number in open_ if trials[number].state in states]
            else:
                found = [trial for trial in trials if trial.state in states]
            return copy.deepcopy(found) if deepcopy else found

    def _sync_with_backend(self) -> None:
        # closed at once: where a record is refused, Optuna leaves the generator, and the backend's lock with it, to the
        # garbage collector
        records = self._backend.read_logs(self._replay_result.log_number_read)
        with contextlib.closing(records) if isinstance(records, Generator) else contextlib.nullcontext():
            self._replay_result.apply_logs(records)

    def _up_to_date(self, study_id: int) -> tuple[list[FrozenTrial], list[int]]:
        replayed = self._replay_result
        if study_id not in replayed._studies:
            replayed.get_study(study_id)  # raises as Optuna does
        trials, open_ = self._listed.setdefault(study_id, ([], []))
        ids = replayed._study_id_to_trial_ids[study_id]
        for number in open_:
            trials[number] = replayed._trials[ids[number]]
        new = range(len(trials), len(ids))
        trials.extend(replayed._trials[ids[number]] for number in new)
        open_[:] = [number for number in (*open_, *new) if not trials[number].state.is_finished()]
        return trials, open_
