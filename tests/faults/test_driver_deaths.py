"""A driver that is killed while it draws, records or sends a trial: nothing is lost, nothing is trained twice."""

from __future__ import annotations

import os
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


def test_a_driver_that_comes_beside_a_living_one_goes_on_where_a_dead_one_was(paced: PacedSweep) -> None:
    paced.pace(1.0)
    options = paced.options(2, "--no-baselines", epochs=200)  # longer than a busy machine needs to start two more
    living = paced.start(*options)
    paced.wait_for(lambda: paced.epochs_begun() >= 1, living)
    dead = paced.start(*options)
    paced.wait_for(lambda: len(paced.trials(TrialState.RUNNING)) == 2, dead)
    begun = paced.epochs_begun()
    paced.wait_for(lambda: paced.epochs_begun() >= begun + 6, dead)
    os.killpg(dead.pid, signal.SIGKILL)
    dead.communicate()
    assert len(paced.trials(TrialState.RUNNING)) == 2, "the living one has its own"
    third = paced.start(*options)
    paced.wait_for(
        lambda: len(paced.trials(TrialState.RUNNING)) == 2 and len(paced.trials(TrialState.FAIL)) == 1, third
    )
    paced.pace(0)
    said = [process.communicate(timeout=300)[1] for process in (third, living)]
    assert [third.returncode, living.returncode] == [0, 0], said
    epochs = (paced.folder / "epochs").read_text().split()
    assert epochs.count("0") == 2, "no trial began anew"
    assert epochs.count("199") == 2
    paced.assert_whole(2)


def test_a_run_that_somebody_deletes_keeps_no_driver_from_its_study(paced: PacedSweep) -> None:
    paced.pace(0.5)
    driver = paced.start(*paced.options(2, "--no-baselines", epochs=6))
    paced.wait_for(lambda: paced.epochs_begun() >= 3, driver)
    driver.kill()
    driver.communicate()
    (trial,) = paced.trials(TrialState.RUNNING)
    paced.record().client.delete_run(trial.user_attrs["run_id"])
    paced.resume(2, epochs=6)
    paced.assert_whole(2)
