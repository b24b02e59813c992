"""The schedule keeps its time, and a run that gives no answer costs only itself."""

from __future__ import annotations

import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import probe, speed
from benchmarks.growth import overheads
from benchmarks.processes import RunFailedError, run
from benchmarks.records import Job, Run
from benchmarks.speed import Schedule, expected
from benchmarks.sweeping import TimedTrial
from benchmarks.ways import WAYS, Way


def a_run(way: str, epochs: int, wall_seconds: float) -> Run:
    return Run(way=way, epochs=epochs, seconds=1, wall_seconds=wall_seconds, accuracies=(0.5,))


def a_job(folder: Path, way: str = "this") -> Job:
    return Job(way=way, dataset="digits", epochs=1, configurations=1, jobs=1, folder=folder)


def test_a_run_is_expected_to_take_what_it_took_or_as_much_more_as_it_has_epochs() -> None:
    runs = [a_run("this", 3, 10), a_run("this", 10, 20), a_run("tutorial", 3, 30)]
    assert expected(runs, "this", 3) == 10
    assert expected(runs, "this", 10) == 20
    assert expected(runs, "tutorial", 10) == 100
    assert expected(runs, "ray_tune", 10) == 0


def test_what_would_not_end_in_time_is_left_out_and_what_would_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walls = {"this": 1.0, "keras_tuner": 1000.0}
    monkeypatch.setattr(speed, "run", lambda job, timeout: a_run(job.way, job.epochs, walls[job.way]))
    schedule = Schedule(a_job(tmp_path), seconds=100, console=Console(file=StringIO()))
    for _ in range(2):
        schedule.round(3, ("this", "keras_tuner"))
    assert [each.way for each in schedule.runs] == ["this", "keras_tuner", "this"]
    assert schedule.left_out == ["KerasTuner, 3 epochs: not run once more, the time would not have sufficed"]


def test_a_peer_that_is_not_installed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WAYS, "ray_tune", Way("Ray Tune", "benchmarks.ways.ray_tune", "no_such_package"))
    schedule = Schedule(a_job(tmp_path), seconds=100, console=Console(file=StringIO()))
    schedule.round(3, ("ray_tune",))
    assert schedule.runs == []
    assert "not installed" in schedule.left_out[0]


def test_a_run_that_crashes_says_why_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="KeyError: 'no_such_way'"):
        run(a_job(tmp_path, way="no_such_way"), timeout=60)


def test_a_run_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nsleep 100 &\nwait\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    began = time.monotonic()
    with pytest.raises(RunFailedError, match="unfinished"):
        run(a_job(tmp_path), timeout=0.5)
    assert time.monotonic() - began < 90
    deadline = time.monotonic() + 60  # a killed process without a parent stays until init has seen it
    while left := [entry for entry in Path("/proc").iterdir() if _works_in(entry, tmp_path)]:
        assert time.monotonic() < deadline, left


def test_overhead_is_the_time_between_two_ends_less_training() -> None:
    phases = {"train": 0.5, "validate": 0.25, "log": 0.1}
    trials = [
        TimedTrial(number, "COMPLETE", 0.9, 1.0, arrived, phases) for number, arrived in enumerate((3.0, 4.0, 6.0))
    ]
    assert overheads(trials) == [pytest.approx(0.25), pytest.approx(1.25)]


def test_a_call_inside_of_a_timed_call_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_seconds", {})
    inner = probe.timed("inner", lambda: time.sleep(0.02))
    outer = probe.timed("outer", lambda: (inner(), time.sleep(0.02)))
    outer()
    assert list(probe.read()) == ["outer"]
    assert probe.read()["outer"] >= 0.04
    with pytest.raises(ZeroDivisionError):
        probe.timed("failing", lambda: 1 / 0)()
    inner()
    assert list(probe.read()) == ["outer", "failing", "inner"]


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return process.name.isdigit() and (process / "cwd").resolve() == folder.resolve()
    except OSError:
        return False
