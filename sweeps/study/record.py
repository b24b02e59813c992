"""The record of a study, opened: the store at its own place, the experiment by the runs that the study knows."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from sweeps.errors import BackendUnreachable, CorruptStore, InputError
from sweeps.study import study as studies
from sweeps.study.attributes import PARENT_RUN, RUN_ID
from sweeps.system import paths
from sweeps.system.commands import hint
from sweeps.system.locks import exclusive, is_alive
from tracking import Damaged, Store, TrackingError, Unwritable, find_store, open_store, translate_errors
from tracking.addresses import check_reachable
from tracking.moving import local_path, relocate

#: of so many trials the runs are looked for, where the sweep's own is not there
_TRIALS = 3


@contextlib.contextmanager
def in_reach() -> Iterator[None]:
    """Turns what a tracking store raises that does not answer, or not as it should, into a `BackendUnreachable`, and
    what is damaged into a `CorruptStore`."""
    try:
        with translate_errors():
            yield
    except Damaged as error:
        raise CorruptStore(f"the MLflow store is damaged: {error}") from None
    except Unwritable as error:
        raise BackendUnreachable(f"the MLflow store {_place()} cannot be read or written here: {error}") from None
    except TrackingError as error:
        raise BackendUnreachable(f"the MLflow store does not answer as it should: {error}") from None


def _place() -> str:
    """The store in a message: a file by its path."""
    return str(paths.home() / "mlflow.db") if paths.artifact_root() else paths.tracking_uri()


def settle_workspace() -> None:
    """Let a workspace that was moved or copied belong to itself, and say so; see `tracking.moving`.

    Raises:
        InputError: a sweep is running in it.
        BackendUnreachable, CorruptStore: its store cannot be read or written.
    """
    root, home = paths.artifact_root(), paths.home()
    file = home / "mlflow.db"
    if root is None or not file.is_file() or not file.stat().st_size or not os.access(home, os.W_OK):
        return
    with in_reach(), _lock():
        check_reachable(paths.tracking_uri())
        former = relocate(file, root, _refuse_if_alive)
    if former:
        was = local_path(former)
        print(
            f"the workspace {home} was {was.parent if was else former} before; its record now points here",
            file=sys.stderr,
        )


def store_of(study: str) -> Store:
    """The MLflow store with the study's experiment.

    Raises:
        BackendUnreachable: there is none, or it does not answer.
    """
    store = find_record(study)
    if store is None:
        raise BackendUnreachable(
            f"the MLflow store {_place()} has no experiment {study!r}; "
            f"what study and artifacts still hold of it is put together by: {hint('doctor', study, '--fix')}"
        )
    return store


def find_record(study: str) -> Store | None:
    """The MLflow store with the study's experiment; None where it has none.

    Raises:
        BackendUnreachable: it does not answer.
    """
    settle_workspace()
    with in_reach():
        return find_store(paths.tracking_uri(), study, paths.spool(study), _runs_of(study))


def confirming(store: Store, study: str) -> Store:
    """The store for the runs that confirm the study's winner."""
    return replace(store, kind="confirm", spool=paths.confirm_journal(study).parent / "spool")


def make_record(study: str) -> Store:
    """The MLflow store with the study's experiment, made where it is not there.

    Raises:
        InputError: the workspace cannot be written.
        BackendUnreachable: the store does not answer.
    """
    try:
        paths.home().mkdir(parents=True, exist_ok=True)
        settle_workspace()
        with in_reach(), _lock():  # two that made a store at once would be in each other's way
            uri, root, spool = paths.tracking_uri(), paths.artifact_root(), paths.spool(study)
            return open_store(uri, study, root, spool, _runs_of(study))
    except OSError as error:
        raise InputError(f"the workspace {paths.home()} cannot be written: {error.strerror}") from None


def _lock() -> AbstractContextManager[None]:
    """Whose holder alone makes or moves the workspace's store."""
    return exclusive(paths.home() / ".lock")


def _refuse_if_alive() -> None:
    for folder in sorted((paths.home() / "studies").glob("*")):
        if is_alive(folder) or is_alive(folder / paths.CONFIRM):
            raise InputError(
                f"the workspace {paths.home()} was moved or copied while a sweep of study {folder.name!r} runs in "
                "it; wait for its end"
            )


def _runs_of(study: str) -> list[str]:
    """Ids of runs that the experiment of the study has, if all is well; none where it was not begun."""
    journal = paths.journal(study)
    if not studies.begun(journal):
        return []
    opened = studies.load(study, journal)
    trials = opened.get_trials(deepcopy=False)
    known = [opened.user_attrs.get(PARENT_RUN), *(trial.user_attrs.get(RUN_ID) for trial in trials)]
    return [str(run_id) for run_id in known if run_id][: 1 + _TRIALS]
