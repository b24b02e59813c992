"""An open study for a process that runs trials of it: its record, its claims, and its trials brought in order first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field

import optuna

from sweeps.doctor import Finding, repair_files, repair_records
from sweeps.errors import CorruptStore
from sweeps.storage.shared import present
from sweeps.study import confirmation, kept_models, retries
from sweeps.study import study as studies
from sweeps.study.attributes import MODEL_URI
from sweeps.study.budget import Budget
from sweeps.study.claims import Claims
from sweeps.study.study import StudyRef, own
from sweeps.system import signals
from sweeps.trial import reaper
from sweeps.trial.checkpoint import Checkpoints
from sweeps.trial.faults import fault_of
from sweeps.trial.shared_checkpoints import checkpoints_of
from tracking import RunWriter, Store, TrackingError, close_trial, translate_errors
from tracking.removal import is_waiting, registered_uris, remove_model

#: seconds that the store gets for what it is still to be sent when a sweep is interrupted; a resume sends the rest
LAST_CALLS = 3.0


@dataclass
class StudySession:
    """A study, its record, and which process works at which of its trials.

    Each question is answered anew, since other processes may work at the same study.

    Attributes:
        budget: what the study may spend.
        if_alone: does what it is given if no other process works at the study.
        repaired: what was inconsistent when the session was opened.
        notes: what else there is to say of its beginning.
        models_kept: how many of the best trials keep their models; None: all.
        writer: writes the runs of trials.
    """

    study: optuna.Study
    store: Store
    writer: RunWriter
    claims: Claims
    checkpoints: Checkpoints
    budget: Budget
    if_alone: Callable[[Callable[[], object]], None]
    repaired: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    models_kept: int | None = None
    _unremoved: list[str] = field(default_factory=list)

    def missing(self) -> int:
        """How many trials the study lacks, as far as its budget goes."""
        return self.budget.missing(self.study)

    def reap(self, error: str = reaper.GONE) -> None:
        """Fail the trials that nobody works at any more. Other processes that work at the study go on with them."""
        self.writer.wait(LAST_CALLS)  # a run that is being created would not be found, and another one created
        with self.claims.turn():
            reaped = reaper.reap(self.study, self.store, self.claims, error)
            alone: list[bool] = []
            self.if_alone(lambda: alone.append(True))
            if not alone:
                self._retry(reaped)

    def take_over(self) -> None:
        """Let the trials that nobody works at any more go on here, from their checkpoints."""
        with self.claims.turn():
            self._retry(reaper.reap(self.study, self.store, self.claims, close=self._close_soon))

    def _retry(self, reaped: Collection[int]) -> None:
        for trial in own(retries.unfinished(self.study)) if reaped else ():
            if trial.number in reaped:
                retries.retry(self.study, trial.number)

    def _close_soon(self, store: Store, parent: str, number: int, run_id: str | None, error: str) -> str | None:
        """As `close_trial`, in the writer's thread where the run is known: nobody waits for the store meanwhile."""
        if run_id is None:
            return close_trial(store, parent, number, None, error)
        self.writer.submit(close_trial, store, parent, number, run_id, error)
        return run_id

    def retry(self, number: int, limit: int) -> bool:
        """Whether a failed trial is tried again, which it is `limit` times at most."""
        return retries.again(self.study, number, limit)

    def finish_record(self) -> None:
        """Wait until the store has got what it is sent; what it does not take is in the spool.

        Raises:
            Interrupted: by a signal.
        """
        sent = self.writer.submit(self._remove_models)
        while not wait([sent], 0.5).done:
            signals.raise_if_interrupted()

    def fault(self) -> str | None:
        """What is wrong with the machine, by what the writing of the record has shown."""
        error = self.writer.error
        return None if error is None else fault_of(error)

    def remove_models(self) -> None:
        """Remove the models of trials that are not among the best any more.

        What the store does not remove now, since it is away, the next resume does: see `sweeps.doctor.record`.
        """
        if self.models_kept is None or not kept_models.beyond(self.study, self.models_kept):
            return
        with contextlib.suppress(TrackingError, CorruptStore, OSError), translate_errors():
            protected = confirmation.protected_models(self.study.study_name, registered_uris(self.store))
            with self.claims.turn():
                trials = kept_models.beyond(self.study, self.models_kept, protected)
                kept_models.mark_removed(self.study, [trial.number for trial in trials])
            # after the models that are still to be sent
            self.writer.submit(self._remove_models, [trial.user_attrs[MODEL_URI] for trial in trials])

    def _remove_models(self, uris: Sequence[str] = ()) -> None:
        """In the writer's thread; what the store does not remove now is tried again later."""
        wanted, self._unremoved = [*self._unremoved, *uris], []
        for uri in wanted:
            if is_waiting(self.store, uri):
                self._unremoved.append(uri)
                continue
            try:
                with translate_errors():
                    remove_model(self.store, uri)
            except (TrackingError, CorruptStore, OSError):
                self._unremoved.append(uri)


@contextlib.contextmanager
def open_session(
    ref: StudyRef,
    store: Store,
    budget: Budget,
    study_of: Callable[[], optuna.Study],
    prepare: Callable[[StudySession], None],
) -> Iterator[StudySession]:
    """Open a study, repair it if no other process works at it, and give up the trials of dead processes.

    Args:
        study_of: opens the study, or creates it.
        prepare: called before any other process may open the study.
    """
    folder = ref.journal.parent
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        claims = stack.enter_context(contextlib.closing(Claims(folder)))
        writer = stack.enter_context(contextlib.closing(RunWriter(store)))
        with claims.turn():
            if_alone = stack.enter_context(present(folder))
            checkpoints = stack.enter_context(checkpoints_of(folder))  # the last are copied before others are alone
            repaired: list[Finding] = []
            if_alone(lambda: repaired.extend(repair_files(ref.journal)))
            study = study_of()
            backend = studies.backend_of(ref.journal)
            backend.refresh()
            if_alone(lambda: repaired.extend(repair_records(study, folder, store)))
            session = StudySession(study, store, writer, claims, checkpoints, budget, if_alone, repaired)
            session.reap()
            prepare(session)
        claims.refresh, claims.publish, claims.take_over = backend.refresh, backend.flush, session.take_over
        with backend.grouped():
            yield session
