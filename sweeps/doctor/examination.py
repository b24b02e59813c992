"""The checks in their order, and the repairs of what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import optuna

from sweeps.doctor.export import check_export
from sweeps.doctor.files import check_files, check_spool
from sweeps.doctor.finding import Finding, StudyContext, TakeRows
from sweeps.doctor.record import check_experiment, check_record
from sweeps.doctor.trials import check_trials
from sweeps.errors import InputError, SweepError, without_passwords
from sweeps.storage.shared import is_alive, present
from sweeps.study import study as studies
from sweeps.study.record import confirming, find_record, in_reach, make_record, settle_workspace
from sweeps.system import paths
from tracking import Store, TrackingError, translate_errors

Check = Callable[[StudyContext], Iterator[Finding]]

#: what a resume checks after the files; a later check sees what an earlier one has repaired
_RESUME_CHECKS: tuple[Check, ...] = (check_experiment, check_trials, check_spool, check_record)


@dataclass(frozen=True)
class Examination:
    """The result of all checks of a study.

    Attributes:
        alive: a sweep of the study was running.
        repaired: the findings that have been repaired.
    """

    study: str
    alive: bool
    findings: tuple[Finding, ...]
    repaired: frozenset[Finding] = frozenset()

    @property
    def consistent(self) -> bool:
        """Whether nothing was found, or all of it was repaired."""
        return self.repaired >= set(self.findings)


def examine(name: str, fix: bool = False, rescore: bool = False, rows: TakeRows | None = None) -> Examination:
    """Check a study of this workspace.

    Args:
        fix: repair what can be repaired.
        rescore: also evaluate the exported model again.
        rows: see `StudyContext`.

    Raises:
        InputError: there is no such study; with `fix`, a sweep of it is running; with `rescore`, as
            `rescore.check_score` does.
        CorruptStore: the journal cannot be read.
        BackendUnreachable: the tracking store does not answer.
    """
    journal = paths.journal(name)
    if not studies.begun(journal):
        studies.load(name, journal)  # its error lists the studies
    settle_workspace()
    journals = [journal, *filter(studies.begun, [paths.confirm_journal(name)])]
    if not fix:
        alive = {each: is_alive(each.parent) for each in journals}
        found = [one for each in journals for one in _run_checks(name, each, alive[each], False, rescore)]
        return Examination(name, any(alive.values()), tuple(found))
    found = [one for each in journals for one in _repaired_alone(name, each, rescore, rows)]
    return Examination(name, False, tuple(found), frozenset(finding for finding in found if finding.repair))


def _repaired_alone(name: str, journal: Path, rescore: bool, rows: TakeRows | None) -> list[Finding]:
    """All checks of a journal with their repairs.

    Raises:
        InputError: another process works at it.
    """
    findings: list[Finding] | None = None

    def repair() -> None:
        nonlocal findings
        findings = list(_run_checks(name, journal, False, True, rescore, rows))

    with present(journal.parent) as if_alone:
        if_alone(repair)
    if findings is None:
        raise InputError(f"--fix: no sweep of study {name!r} may be running; wait until it has ended")
    return findings


def repair_files(journal: Path) -> list[Finding]:
    """Repair a study's files before a resume opens it; return the findings.

    The caller must be the only process that uses the study (see `locks.present`), also for `repair_records`.
    """
    return list(_repaired(check_files(journal)))


def repair_records(study: optuna.Study, folder: Path, store: Store) -> list[Finding]:
    """Repair a study's trials and MLflow record before a resume; return the findings.

    Raises:
        BackendUnreachable: the tracking store does not answer.
    """
    context = StudyContext(study.study_name, folder, study, store, alive=False)
    with in_reach():
        return [finding for check in _RESUME_CHECKS for finding in _repaired(check(context))]


def _run_checks(
    name: str, journal: Path, alive: bool, fix: bool, rescore: bool, rows: TakeRows | None = None
) -> Iterator[Finding]:
    """All checks of a study, or of the one that confirms it; that of the files first, since the others read them."""
    report = _repaired if fix else iter
    if not alive:
        yield from report(check_files(journal))
    studies.forget(journal)
    study = studies.load(name, journal)
    confirms = journal != paths.journal(name)
    checks: tuple[Check, ...] = _RESUME_CHECKS[1:] if confirms else (*_RESUME_CHECKS, check_export)
    if rescore and not confirms:
        from sweeps.doctor.rescore import check_score

        checks = (*checks, check_score)
    store = find_record(name)
    if store is None and confirms:  # the study's own check says so
        return
    if store is None:
        create = partial(make_record, name)
        finding = Finding(f"study {name}", "has no experiment in MLflow", "creates it again", create)
        yield from report(iter([finding]))
        if not fix or (store := find_record(name)) is None:
            return
    if confirms:
        store = confirming(store, name)
    with in_reach():
        context = StudyContext(name, journal.parent, study, store, alive, rows)
        for check in checks:
            yield from report(check(context))


def _repaired(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings after their repair; one whose repair failed says why in its `remedy`."""
    for finding in list(findings):
        try:
            if finding.repair:
                with translate_errors():
                    finding.repair()
        except (SweepError, TrackingError, OSError) as error:
            yield replace(finding, repair=None, remedy=without_passwords(f"it could not be repaired: {error}"))
        else:
            yield finding
