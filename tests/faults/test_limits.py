"""Trials that hang, that eat their memory, that never begin: the sweep goes on, or says why it does not."""

from __future__ import annotations

import os
import signal
import time

import pytest
from faults.conftest import FOR_EVER, PacedSweep
from optuna.trial import TrialState

from sweeps.engine.driver import GIVEN_UP

pytestmark = pytest.mark.slow


def test_a_hung_trial_and_a_slow_one_are_ended_and_the_sweep_goes_on(paced: PacedSweep) -> None:
    process = paced.start(*paced.options(3, "--trial-timeout", "30", epochs=9))
    paced.in_mid_epoch(process)
    paced.tell("hang")  # the next build never returns
    paced.wait_for(lambda: not (paced.folder / "hang").exists(), process)
    paced.pace(4)  # and the next trial takes longer than it may
    paced.wait_for(lambda: len(paced.trials(TrialState.FAIL)) == 2, process)
    paced.pace(0)
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    failed = [row for row in paced.json("list", paced.study) if row["state"] == "FAIL"]
    assert [row["error"] for row in failed] == ["ran longer than --trial-timeout 30 s"] * 2
    for row in failed:
        assert paced.record().client.get_run(row["run_id"]).data.tags["error"] == row["error"]
    assert out.count("ran longer than --trial-timeout 30 s") == 2
    paced.assert_whole(3)


def test_a_worker_over_its_memory_limit_is_replaced(paced: PacedSweep) -> None:
    paced.pace(0.5)
    process = paced.start(*paced.options(3, "--memory-limit", "2GB", epochs=4))
    paced.in_mid_epoch(process)
    paced.tell("greedy")
    _out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    (row,) = [row for row in paced.json("list", paced.study) if row["state"] == "FAIL"]
    assert "more than --memory-limit allows" in row["error"]
    paced.assert_whole(3)


def test_a_stopped_worker_loses_its_trial_when_its_time_is_over(paced: PacedSweep) -> None:
    paced.pace(0.5)
    process = paced.start(*paced.options(2, "--trial-timeout", "30", epochs=4))
    paced.in_mid_epoch(process)
    (stopped,) = paced.workers(process)
    os.kill(stopped.pid, signal.SIGSTOP)
    out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    assert not stopped.is_running()
    assert "ran longer than --trial-timeout 30 s" in out
    paced.assert_whole(2)


def test_what_a_stopped_worker_brings_after_its_trial_was_given_up_is_refused(paced: PacedSweep) -> None:
    from sweeps.study import study as studies
    from sweeps.trial.reaper import reap

    paced.pace(2)
    process = paced.start(*paced.options(2, epochs=2))
    paced.in_mid_epoch(process)
    (worker,) = paced.workers(process)
    os.kill(worker.pid, signal.SIGSTOP)
    time.sleep(1)
    (running,) = paced.trials(TrialState.RUNNING)
    study = studies.load(paced.study, paced.folder / "runs/studies/paced/journal.log")
    assert reap(study, paced.record(), error="its host was cut off") == [running.number]
    os.kill(worker.pid, signal.SIGCONT)
    _out, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    row = paced.json("list", paced.study)[running.number]
    assert (row["state"], row["error"]) == ("FAIL", "its host was cut off")
    run = paced.record().client.get_run(row["run_id"])
    assert (run.info.status, run.data.tags["state"], run.data.tags["error"]) == ("FAILED", "FAIL", GIVEN_UP)
    paced.assert_whole(2)


def test_a_build_that_always_raises_is_an_input_error_and_one_that_begins_to_ends_the_sweep(paced: PacedSweep) -> None:
    paced.tell("raise")
    done = paced.sweeps(*paced.options(3))
    assert done.returncode == 2
    assert "told to raise" in done.stderr
    assert not (paced.folder / "runs").exists()
    (paced.folder / "raise").unlink()
    paced.pace(0.5)
    process = paced.start(*paced.options(9))
    paced.in_mid_epoch(process)
    paced.tell("raise")
    _, said = process.communicate(timeout=400)
    assert process.returncode == 3, said
    assert "3 trials failed in a row" in said
    assert "told to raise" in said
    paced.assert_no_process_left()
    (paced.folder / "raise").unlink()
    paced.resume(9)
    paced.assert_whole(9)


def test_a_look_at_the_space_that_hangs_or_eats_its_memory_ends_before_anything_is_stored(paced: PacedSweep) -> None:
    paced.tell("hang")
    done = paced.sweeps(*paced.options(2, "--trial-timeout", "15"))
    assert done.returncode == 2, done.stderr
    assert "took longer than --trial-timeout 15 s" in done.stderr
    paced.tell("greedy")
    paced.pace(FOR_EVER)
    done = paced.sweeps(*paced.options(2, "--memory-limit", "2GB"))
    assert done.returncode == 3, done.stderr
    assert "--memory-limit" in done.stderr
    assert not (paced.folder / "runs").exists()
    paced.assert_no_process_left()
