"""A sweep is told to end, or its parent dies: nothing is left running, and a resume makes it whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import FOR_EVER, PacedSweep

from sweeps.system.signals import ENDING
from tracking import child_runs

pytestmark = pytest.mark.slow

#: what is said of an interrupted trial, and the state of its run
AFTER_AN_EPOCH = ("interrupted after epoch ", "KILLED")
WITHIN_AN_EPOCH = ("interrupted in the middle of an epoch", "FAILED")


def test_signals_end_a_sweep_in_order_whatever_its_epochs_take(paced: PacedSweep) -> None:
    known = 0
    for signum, code, seconds, jobs in [
        (signal.SIGINT, 130, 0.3, 2),
        (signal.SIGTERM, 143, FOR_EVER, 1),
        (signal.SIGHUP, 129, FOR_EVER, 1),
    ]:
        paced.pace(seconds)
        process = paced.start(*paced.options(3, jobs=jobs, epochs=50))
        paced.in_mid_epoch(process)
        os.killpg(process.pid, signum)  # as a terminal does, or a batch system: the workers get it too
        told = time.monotonic()
        out, said = process.communicate(timeout=60)
        assert time.monotonic() - told < 15
        assert process.returncode == code, said
        assert "Traceback" not in out + said
        if signum != signal.SIGHUP:  # no terminal is there to read it
            assert "go on with\n  sweeps run paced --space space.py:Space" in said
            resume = said.rpartition("go on with\n")[2].strip()
        failed = [row for row in paced.json("list", paced.study) if row["state"] == "FAIL"]
        counts = paced.json("status", paced.study)["trials"]
        assert (counts["RUNNING"], counts["COMPLETE"], counts["FAIL"]) == (0, 0, len(failed))
        assert_interrupted(paced, failed[known:], *(AFTER_AN_EPOCH if seconds < FOR_EVER else WITHIN_AN_EPOCH))
        known = len(failed)
        paced.assert_no_process_left()
    paced.pace(0)
    # as a shell runs it, in the folder in which it was printed
    path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        resume, shell=True, cwd=paced.folder, env=paced.environment | path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    paced.assert_whole(3)


def assert_interrupted(paced: PacedSweep, rows: list[dict[str, Any]], error: str, status: str) -> None:
    """These trials say how they were interrupted, and their runs say the same; no run is RUNNING."""
    store = paced.record()
    assert rows
    for row in rows:
        assert row["error"].startswith(error)
        run = store.client.get_run(row["run_id"])
        assert (run.info.status, run.data.tags["state"], run.data.tags["error"]) == (status, "FAIL", row["error"])
    assert all(run.info.status != "RUNNING" for run in child_runs(store))


def test_ctrl_c_twice_is_out_within_two_seconds(paced: PacedSweep) -> None:
    paced.pace(FOR_EVER)
    process = paced.start(*paced.options(2))
    paced.in_mid_epoch(process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    told = time.monotonic()
    out, said = process.communicate(timeout=60)
    assert time.monotonic() - told < 2
    assert process.returncode == 130, said
    assert "Traceback" not in out + said
    assert "go on with\n  sweeps run paced" in said
    paced.resume(2)
    paced.assert_whole(2)


def test_workers_end_with_their_parent_and_a_resume_reaps_what_it_left(paced: PacedSweep) -> None:
    paced.pace(FOR_EVER)
    process = paced.start(*paced.options(2, jobs=2))
    paced.in_mid_epoch(process)
    assert len(paced.workers(process)) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    gone = time.monotonic() + 10
    while paced.processes() and time.monotonic() < gone:
        time.sleep(0.1)
    assert not paced.processes()
    assert paced.json("status", paced.study)["trials"]["RUNNING"] > 0
    paced.resume(2)
    paced.assert_whole(2)


def test_workers_are_born_deaf_to_the_signals_of_a_terminal(paced: PacedSweep) -> None:
    """From their first instruction on: a Ctrl-C may come while they import."""
    paced.pace(FOR_EVER)
    process = paced.start(*paced.options(2, jobs=2))
    paced.wait_for(lambda: len(paced.workers(process)) == 2, process)
    for child in paced.workers(process):
        status = Path(f"/proc/{child.pid}/status").read_text()
        mask = int(next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16)
        assert all(mask >> (signum - 1) & 1 for signum in ENDING)
    os.killpg(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143, said
    paced.resume(2)
    paced.assert_whole(2)


def test_ctrl_c_before_the_first_trial_leaves_nothing(paced: PacedSweep) -> None:
    for wait in (0.5, 2.0, 4.0):
        process = paced.start(*paced.options(2))
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGINT)
        out, said = process.communicate(timeout=60)
        assert process.returncode == 130, said
        assert "Traceback" not in out + said
        paced.assert_no_process_left()
    paced.resume(2)
    paced.assert_whole(2)
