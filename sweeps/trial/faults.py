"""Errors that come of the machine, not of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import optuna

from sweeps.errors import comes_of, machine_fault, without_passwords
from sweeps.study.attributes import CUT_SHORT, ERROR, INTERRUPTION
from sweeps.trial.plan import OutcomeState, TrialOutcome
from tracking import TrackingError, Unwritable

if TYPE_CHECKING:
    from sweeps.trial.proxies import TrialProxy


def fault_of(error: BaseException) -> str | None:
    """What is wrong with the machine, where an error comes of that."""
    if comes_of(error, Unwritable):
        return without_passwords(f"the MLflow store cannot be written: {error}")
    return machine_fault(error)


def lost(trial: TrialProxy | optuna.Trial, error: OSError | TrackingError) -> TrialOutcome:
    """A trial whose results cannot be kept: left unfinished where the machine is at fault, since those that would end
    well were only the smallest models.

    Raises:
        OSError: the journal cannot be written either.
    """
    said, fault = without_passwords(f"{type(error).__name__}: {error}"), fault_of(error)
    trial.set_user_attr(ERROR, said)
    if fault is None:
        return TrialOutcome(trial.number, OutcomeState.FAIL, error=said)
    trial.set_user_attr(CUT_SHORT, INTERRUPTION)
    return TrialOutcome(trial.number, OutcomeState.INTERRUPTED, error=said, halt=fault)
