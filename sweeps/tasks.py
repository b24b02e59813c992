"""What the client submits: names that a worker resolves; the client itself never imports TensorFlow."""

from __future__ import annotations

import gc
import threading
from functools import cache

from sweeps.data import Dataset
from sweeps.plan import Preflight, SweepRequest, TrialOutcome, TrialPlan

_importing = threading.Lock()


def warm_up() -> None:
    """Import what trials need and rehearse one, so that the first is no slower than the next; then take it all
    out of the garbage collector's sight: a collection over TensorFlow's objects takes 0.3 s, and
    `clear_session` asks for one a trial."""
    with _importing:
        if gc.get_freeze_count():
            return
        import sweeps.preflight  # noqa: F401
        from sweeps.objective import rehearse

        rehearse()
        gc.collect()
        gc.freeze()


@cache
def _settle() -> None:
    """After a process's first trial: what that has brought to stay (a connection, resident data) is out of the
    garbage collector's way too."""
    gc.collect()
    gc.freeze()


def warm_up_soon() -> None:
    """Begin to warm up; a task that comes meanwhile waits for the end of it."""
    threading.Thread(target=warm_up, daemon=True).start()


def preflight(request: SweepRequest, data: Dataset | None = None) -> Preflight:
    """See `sweeps.preflight.preflight`."""
    warm_up()
    from sweeps.preflight import preflight

    return preflight(request, data)


def run_trial(plan: TrialPlan, draw: int, data: Dataset | None = None) -> TrialOutcome:
    """See `sweeps.objective.run_trial`."""
    warm_up()
    from sweeps.objective import run_trial

    outcome = run_trial(plan, draw, data)
    _settle()
    return outcome
