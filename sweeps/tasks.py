"""What the client submits: names that a worker resolves, so that the client itself never imports TensorFlow."""

from __future__ import annotations

from sweeps.plan import Preflight, SweepRequest, TrialOutcome, TrialPlan


def preflight(request: SweepRequest) -> Preflight:
    """See `sweeps.preflight.preflight`."""
    from sweeps import preflight as module
    from sweeps import worker

    worker.warm_up()
    return module.preflight(request)


def run_trial(plan: TrialPlan, draw: int) -> TrialOutcome:
    """See `sweeps.objective.run_trial`."""
    from sweeps import worker

    worker.warm_up()
    from sweeps.objective import run_trial as run

    return run(plan, draw)
