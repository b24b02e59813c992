"""The order of the checks, and who may repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import optuna

from sweeps.doctor.exported import check_export
from sweeps.doctor.files import check_files
from sweeps.doctor.finding import Finding, StudyContext
from sweeps.doctor.record import check_experiment, check_record
from sweeps.doctor.spool import check_spool
from sweeps.doctor.trials import check_trials
from sweeps.errors import InputError, SweepError, without_passwords
from sweeps.study import study as studies
from sweeps.study.record import find_record, in_reach, make_record, settle_workspace
from sweeps.system import paths
from sweeps.system.locks import is_alive, present
from tracking import Store, TrackingError, answering

Check = Callable[[StudyContext], Iterator[Finding]]

#: what a resume looks at beside the files; a later check sees what an earlier one has repaired
_BEFORE_A_RESUME: tuple[Check, ...] = (check_experiment, check_trials, check_spool, check_record)


@dataclass(frozen=True)
class Examination:
    """What was found, and what became of it.

    Attributes:
        alive: a sweep of the study was running.
        repaired: those findings that are no more.
    """

    study: str
    alive: bool
    findings: tuple[Finding, ...]
    repaired: frozenset[Finding] = frozenset()

    @property
    def consistent(self) -> bool:
        """Whether nothing is wrong, or nothing any more."""
        return self.repaired >= set(self.findings)


def examine(name: str, fix: bool = False, rescore: bool = False) -> Examination:
    """Look over a study of this workspace.

    Args:
        fix: repair what can be repaired.
        rescore: score the export once more, too.

    Raises:
        InputError: there is no such study; with `fix`, a sweep of it is running; with `rescore`, see there.
        CorruptStore: the journal cannot be read.
        BackendUnreachable: the tracking store does not answer.
    """
    journal = paths.journal(name)
    if not studies.begun(journal):
        studies.load(name, journal)  # says which studies there are
    settle_workspace()
    if not fix:
        alive = is_alive(journal.parent)
        return Examination(name, alive, tuple(_run_checks(name, journal, alive, False, rescore)))
    found: list[Finding] | None = None

    def repair() -> None:
        nonlocal found
        found = list(_run_checks(name, journal, False, True, rescore))

    with present(journal.parent) as if_alone:
        if_alone(repair)
    if found is None:
        raise InputError(f"--fix: no sweep of study {name!r} may be running, got one; wait for its end")
    return Examination(name, False, tuple(found), frozenset(one for one in found if one.repair))


def repair_files(journal: Path) -> list[Finding]:
    """Mend a study's files before a resume opens it; what was found.

    Only for who is alone with the study (see `locks.present`), as `repair_records` is.
    """
    return list(_repaired(check_files(journal)))


def repair_records(study: optuna.Study, folder: Path, store: Store) -> list[Finding]:
    """Mend a study's trials and record before a resume; what was found.

    Raises:
        BackendUnreachable: the tracking store does not answer.
    """
    context = StudyContext(study.study_name, folder, study, store, alive=False)
    with in_reach():
        return [finding for check in _BEFORE_A_RESUME for finding in _repaired(check(context))]


def _run_checks(name: str, journal: Path, alive: bool, fix: bool, rescore: bool) -> Iterator[Finding]:
    """Every check; the files' first, since all others read them."""
    through = _repaired if fix else iter
    if not alive:
        yield from through(check_files(journal))
    studies.forget(journal)
    study = studies.load(name, journal)
    checks: tuple[Check, ...] = (*_BEFORE_A_RESUME, check_export)
    if rescore:
        from sweeps.doctor.rescore import check_score

        checks = (*checks, check_score)
    store = find_record(name)
    if store is None:
        lost = Finding(f"study {name}", "its record is not in MLflow", "begins it anew", partial(make_record, name))
        yield from through(iter([lost]))
        if not fix or (store := find_record(name)) is None:
            return
    with in_reach():
        context = StudyContext(name, journal.parent, study, store, alive)
        for check in checks:
            yield from through(check(context))


def _repaired(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, once they are repaired; those that could not be say why."""
    for finding in list(findings):
        try:
            if finding.repair:
                with answering():
                    finding.repair()
        except (SweepError, TrackingError, OSError) as error:
            yield replace(finding, repair=None, remedy=without_passwords(f"it could not be repaired: {error}"))
        else:
            yield finding
