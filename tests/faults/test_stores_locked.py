"""The record's SQLite file, locked by another process under a running sweep: it is waited out."""

from __future__ import annotations

import subprocess
import sys

import pytest
from faults.conftest import PacedSweep

from tracking import child_runs

pytestmark = pytest.mark.slow

SECONDS, EPOCHS, TRIALS = 60, 12, 6

LOCK = f"""
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=60)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
time.sleep({SECONDS})
"""


def test_a_database_that_is_locked_for_a_minute_costs_no_trial_and_no_metric(paced: PacedSweep) -> None:
    paced.pace(0.5)
    sweep = paced.start(*paced.options(TRIALS, jobs=2, epochs=EPOCHS))
    paced.in_mid_epoch(sweep)
    locking = [sys.executable, "-c", LOCK, str(paced.folder / "runs/mlflow.db")]
    with subprocess.Popen(locking, stdout=subprocess.PIPE) as holder:  # until it ends
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        begun = paced.epochs_begun()
    # of the trials that had their run before; another one waits for its own
    assert paced.epochs_begun() > begun + EPOCHS // 2, "nothing was trained meanwhile"
    out, said = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, said
    assert "Traceback" not in out + said
    assert [row["state"] for row in paced.json("list", paced.study)] == ["COMPLETE"] * TRIALS
    store = paced.record()
    for run in child_runs(store):
        history = store.client.get_metric_history(run.info.run_id, "val_accuracy")
        assert sorted(entry.step for entry in history) == list(range(1, EPOCHS + 1))
    paced.assert_whole(TRIALS)
