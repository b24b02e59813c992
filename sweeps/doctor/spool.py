"""What the record has still to get, since the store was away when a trial ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial

from sweeps.doctor.finding import Finding, Patient
from tracking.spool import abandoned, send, waiting


def look_at_spool(patient: Patient) -> Iterator[Finding]:
    """What lies in the spool; a running sweep sends it itself."""
    if patient.alive:
        return
    for run_id in waiting(patient.store):
        yield Finding(
            f"run {run_id}", "its end waits to be sent to MLflow", "sends it", partial(send, patient.store, run_id)
        )
    for folder in abandoned(patient.store):
        yield Finding(str(folder), "left of a trial's model", "removes it", partial(shutil.rmtree, folder))
