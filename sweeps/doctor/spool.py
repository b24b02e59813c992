"""What the record has still to get, since the store was away when a trial ended."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial

from sweeps.doctor.finding import Finding, StudyContext
from tracking.spool import abandoned, send, waiting


def check_spool(context: StudyContext) -> Iterator[Finding]:
    """What lies in the spool; a running sweep sends it itself."""
    if context.alive:
        return
    for run_id in waiting(context.store):
        yield Finding(
            f"run {run_id}", "its end waits to be sent to MLflow", "sends it", partial(send, context.store, run_id)
        )
    for folder in abandoned(context.store):
        yield Finding(str(folder), "left of a trial's model", "removes it", partial(shutil.rmtree, folder))
