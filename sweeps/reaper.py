"""Trials whose process is gone: failed in the study, closed in MLflow."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
from optuna.trial import TrialState

from sweeps.study import ERROR, RUN_ID
from tracking import Store, close_run

GONE = "its process ended before the trial did"


@contextlib.contextmanager
def present(folder: Path) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Mark a sweep of this study as alive while the block runs.

    The kernel lets go of the mark when the process dies, in whatever way.

    Yields:
        A function that does what it is given, if no other sweep of this study is alive.
    """
    with (folder / "alive").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)

        def if_alone(action: Callable[[], object]) -> None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                action()
            except BlockingIOError:
                pass
            finally:
                fcntl.flock(file, fcntl.LOCK_SH)

        yield if_alone


def reap(study: optuna.Study, store: Store) -> list[int]:
    """Fail every trial that is RUNNING though no process works at it, close its run; their numbers.

    Only for who is alone with the study (see `present`).
    """
    stale = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in stale:
        if run_id := trial.user_attrs.get(RUN_ID):
            close_run(store, run_id, "FAIL", "KILLED", GONE)
        study._storage.set_trial_user_attr(trial._trial_id, ERROR, GONE)
        study.tell(trial.number, state=TrialState.FAIL)
    return [trial.number for trial in stale]
