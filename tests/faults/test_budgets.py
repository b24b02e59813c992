"""A search that ends before its total: by its epochs through kills and a resume, and for want of configurations."""

from __future__ import annotations

import os
import signal

import pytest
from faults.conftest import PacedSweep
from invariant import assert_sound
from optuna.trial import TrialState

pytestmark = pytest.mark.slow


def test_an_epoch_budget_is_spent_to_the_last_epoch_through_kills_and_a_resume(paced: PacedSweep) -> None:
    options = paced.options(100, "--epoch-budget", "24", jobs=2, epochs=4)
    paced.pace(0.5)
    first = paced.start(*options)
    paced.wait_for(lambda: len(paced.trials(TrialState.RUNNING)) == 2, first)
    paced.in_mid_epoch(first)
    os.kill(paced.workers(first)[0].pid, signal.SIGKILL)
    paced.wait_for(lambda: len(paced.trials(TrialState.COMPLETE)) >= 2, first)
    paced.in_mid_epoch(first)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()

    paced.pace(0)
    done = paced.sweeps(*options)

    assert done.returncode == 0, done.stderr
    said = "of the budget of 24 epochs 24 are spent, which leaves no whole trial: ended after 6 of 100 trials"
    assert said in done.stdout
    status = paced.json("status", paced.study)
    assert (status["trials"]["COMPLETE"], status["epochs_spent"], status["epochs_saved"]) == (6, 24, 0)
    begun = paced.epochs_begun()
    again = paced.sweeps(*options)
    assert (again.returncode, paced.epochs_begun()) == (0, begun)
    assert said in again.stdout
    assert_sound(paced, paced.study)
    paced.assert_no_process_left()


def test_a_space_of_four_points_ends_a_sweep_which_another_one_begins_with(paced: PacedSweep) -> None:
    options = paced.options(20, "--set", "units=4,5,6,7", jobs=2)
    done = paced.sweeps(*options)
    assert done.returncode == 0, done.stderr
    assert "all configurations of the space are tried: ended after 4 of 20 trials" in done.stdout
    rows = paced.json("list", paced.study)
    assert sorted(row["params"]["units"] for row in rows if row["state"] == "COMPLETE") == [4, 5, 6, 7]

    words = ["run", "other", *paced.options(20, "--set", "units=4..9", "--warm-start", paced.study)[2:]]
    warm = paced.sweeps(*words, "--stop-at", "0.01")
    assert warm.returncode == 0, warm.stderr
    assert f"warm start: 4 configurations of study '{paced.study}' are first" in warm.stdout
    assert "of trial 0 has reached 0.01: ended after 1 of 20 trials" in warm.stdout
    refused = paced.sweeps(*words, "--stop-at", "1.5")
    assert refused.returncode == 2
    assert "--stop-at: val_accuracy is a number of 0..1, got 1.5" in refused.stderr
    patient = paced.sweeps(*words, "--patience-trials", "2")
    assert patient.returncode == 0, patient.stderr
    assert "was better than trial" in patient.stdout
