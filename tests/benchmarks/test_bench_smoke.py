"""Both benchmarks from end to end, on a few rows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import ROOT

from benchmarks import scale, speed
from benchmarks.chapter_records import ChapterResults
from benchmarks.records import Results
from benchmarks.ways import WAYS
from sweeps.data import load

FASHION_MNIST = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "datasets" / "fashion-mnist"

needs_fashion_mnist = pytest.mark.skipif(
    not FASHION_MNIST.is_dir(), reason=f"Fashion-MNIST is not at {FASHION_MNIST} (set KERAS_HOME)"
)


def benchmark(module: str, output: Path, *options: str) -> str:
    """Run one of the commands with --smoke; gives what it showed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--smoke", "--output", str(output), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@needs_fashion_mnist
def test_all_installed_ways_train_the_same_configurations(tmp_path: Path) -> None:
    shown = benchmark("speed", tmp_path / "results.json")
    found = Results.load(tmp_path / "results.json")
    assert found is not None
    assert found.speed is not None
    ran = [run.way for run in found.speed.runs]
    assert ran == [name for name, way in WAYS.items() if way.installed], found.speed.left_out
    for run in found.speed.runs:
        assert 0 < run.seconds < run.wall_seconds
        assert len(run.accuracies) == 2
        assert all(accuracy is not None and 0 <= accuracy <= 1 for accuracy in run.accuracies)
    breakdown = found.speed.runs[0].breakdown
    assert breakdown is not None
    assert {"build", "compile", "train", "validate", "log"} <= breakdown.phases.keys()
    assert 0 < breakdown.training < breakdown.trial
    assert {name.partition(".")[0] for name in breakdown.calls} == {"mlflow", "optuna"}
    assert 0 < breakdown.services < 1
    for goal in found.goals:
        assert goal.figure in shown


@pytest.mark.slow
@needs_fashion_mnist
def test_scaling_is_measured_and_kept_beside_the_speed(tmp_path: Path) -> None:
    benchmark("scale", tmp_path / "results.json", "--only", "overhead")
    found = Results.load(tmp_path / "results.json")
    assert found is not None
    assert found.scale is not None
    assert found.scale.overhead.keys() == {3, 20}
    assert all(0 < seconds < 60 for seconds in found.scale.overhead.values())
    assert found.scale.memory.keys() == {2, 5}
    assert all(size > 2**26 for size in found.scale.memory.values())
    assert all(rate > 0 for rates in found.scale.trials_an_hour.values() for rate in rates)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "names", [("first-result", "replacement", "workers"), ("memory", "grown"), ("slots", "trials", "crowd")]
)
def test_sweeps_of_a_checkout_are_measured_from_outside_and_kept_under_its_label(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    chosen = [word for name in names for word in ("--only", name)]
    shown = benchmark("scale", tmp_path / "results.json", *chosen, "--label", "before")
    found = Results.load(tmp_path / "results.json")
    assert found is not None
    sweeps = found.sweeps["before"]
    assert tuple(sweeps.figures) == tuple(sweeps.commits) == names
    for figures in sweeps.figures.values():
        for figure, value in figures.items():
            assert figure in shown
            assert value > 0 or "exit code" in figure or "says" in figure


def test_a_measurement_that_there_is_not_is_refused() -> None:
    done = CliRunner().invoke(scale.main, ["--smoke", "--only", "wings"])
    assert done.exit_code == 2
    assert "'wings' is none of overhead, first-result, slots" in done.output


@pytest.mark.slow
@needs_fashion_mnist
def test_the_chapter_s_results_are_measured_on_both_sides(tmp_path: Path) -> None:
    """One sweep and one tuner search of the chapter; the others differ in their options alone."""
    output = tmp_path / "chapter.json"
    command = [sys.executable, "-m", "benchmarks.chapter", "--smoke", "--no-peers", "--output", str(output)]
    command += ["--only", "chapter-quick", "--only", "random"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr
    found = ChapterResults.load(output)
    assert found is not None
    assert found.left_out == ()
    assert [row.name for row in found.rows] == ["chapter-quick", "random"]
    for row in found.rows:
        assert row.ours is not None
        assert 0 < row.ours.validation <= 1
        assert row.ours.seconds > 0
    assert 0 < (found.rows[0].ours.test or 0) <= 1
    for goal in found.goals:
        assert goal.figure in done.stdout


def test_without_fashion_mnist_the_command_says_so_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    # damaged rather than absent: what is absent is fetched where there is a network
    for name in ("train-images", "t10k-images"):
        (folder / f"{name}-idx3-ubyte.gz").write_bytes(b"no pictures")
    for name in ("train-labels", "t10k-labels"):
        (folder / f"{name}-idx1-ubyte.gz").write_bytes(b"no labels")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    load.cache_clear()
    done = CliRunner().invoke(speed.main, ["--smoke"])
    assert done.exit_code == 2
    assert "bench: dataset 'fashion_mnist'" in done.output
