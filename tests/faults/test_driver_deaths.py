"""A driver that is killed while it draws, records or sends a trial: nothing is lost, nothing is trained twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from faults.conftest import PacedSweep
from optuna.trial import TrialState

pytestmark = pytest.mark.slow

#: `sweeps`, killed when the function has returned for the second time
DYING = """
import os, signal, sys
from importlib import import_module
from itertools import count

module, name = sys.argv.pop(1).split(":")
*path, last = name.split(".")
owner = import_module(module)
for part in path:
    owner = getattr(owner, part)
original, calls = getattr(owner, last), count(1)

def dying(*args, **kwargs):
    result = original(*args, **kwargs)
    if next(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, last, dying)
from sweeps.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("place", "counted"),
    [
        ("sweeps.engine.driver:Driver.begin", 1),
        ("sweeps.study.draft:Draft.settle", 1),
        ("tracking.trial_run:TrialRun.begin_model", 1),
        ("tracking.trial_run:TrialRun.close", 1),
        ("sweeps.engine.driver:_conclude", 2),
        ("tracking.spool:send_model", 2),
        ("tracking.spool:send_unsent", 2),
    ],
)
def test_a_driver_that_is_killed_at_the_worst_moment_costs_no_trial(
    paced: PacedSweep, place: str, counted: int
) -> None:
    paced.pace(0)
    options = paced.options(3, "--no-baselines")
    died = subprocess.run(
        [sys.executable, "-c", DYING, place, *options],
        cwd=paced.folder,
        env=paced.environment,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    finished = len(paced.trials(TrialState.COMPLETE))
    # what is sent in the background may be sent when the next trial has ended, too
    assert counted <= finished <= counted + (counted == 2)
    paced.resume(3)
    paced.assert_whole(3)
    assert len(paced.trials(TrialState.COMPLETE)) == 3
