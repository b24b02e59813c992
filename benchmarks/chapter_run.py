"""One of the chapter's results, ours and theirs: every run is a process of its own in a folder of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.chapter_records import Figures, Row
from benchmarks.chapter_sweeps import TUNERS, Documented
from benchmarks.processes import environment
from tracking import child_runs, find_store


class FailedError(Exception):
    """A process failed; the message is the last line that it said."""


def sweep_row(documented: Documented, housing: str, smoke: bool) -> Row:
    """Search, export, and test the winner once.

    Args:
        housing: the path of the California housing file; "" where Fashion-MNIST is searched.
        smoke: two trials of one epoch.

    Raises:
        FailedError: a process failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-chapter-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        less = ("--trials", "2", "--epochs", "1") if smoke else ()
        began, started = time.time(), time.perf_counter()
        _process(folder, "sweeps", "run", *documented.arguments(housing), *less)
        seconds = time.perf_counter() - started
        best = json.loads(_process(folder, "sweeps", "best", documented.study, "--json"))
        test = _tested(folder, documented, housing)
        passed = None
        if documented.validation is not None:
            passed = _passed(folder, documented, best["objective"], began)
    return Row(
        name=documented.study,
        section=documented.section,
        command=documented.command,
        metric=documented.metric,
        chapter_validation=documented.validation,
        chapter_test=documented.test,
        ours=Figures(validation=best["value"] / documented.unit, test=test, seconds=seconds),
        passed_after=passed,
    )


def model_figures(documented: Documented, housing: str) -> Figures:
    """The chapter's untuned model by plain Keras.

    Raises:
        FailedError: its process failed.
    """
    data = ("--housing", housing) if documented.housing else ()
    with tempfile.TemporaryDirectory(prefix="bench-chapter-") as folder:
        return Figures(**_last_json(_process(Path(folder), "benchmarks.chapter_models", documented.model, *data)))


def tuner_figures(module: str, search: str, smoke: bool) -> Figures:
    """One of the chapter's tuner searches with either import.

    Args:
        module: `sweeps.tuner` or `keras_tuner`.
        smoke: on a few rows.

    Raises:
        FailedError: its process failed.
    """
    less = ("--rows", "1000") if smoke else ()
    with tempfile.TemporaryDirectory(prefix="bench-chapter-") as folder:
        printed = _process(Path(folder), "benchmarks.chapter_tuner", module, "--search", search, "--here", *less)
    found = _last_json(printed)
    return Figures(validation=found["val_accuracy"], seconds=found["seconds"])


def tuner_row(search: str, ours: Figures, theirs: Figures | None) -> Row:
    """Both sides of a tuner search."""
    return Row(
        name=search,
        section=f"10.3 {search} search",
        command=f"python -m benchmarks.chapter_tuner sweeps.tuner --search {search}",
        metric="accuracy",
        chapter_validation=TUNERS[search],
        theirs=theirs,
        ours=ours,
    )


def _tested(folder: Path, documented: Documented, housing: str) -> float:
    _process(folder, "sweeps", "export", documented.study)
    _, _, dataset, *rest = documented.arguments(housing)
    target = rest[:2] if documented.housing else []
    export = str(folder / "exports" / documented.study)
    printed = _process(folder, "benchmarks.chapter_evaluate", export, dataset, *target)
    return float(_last_json(printed)["test"]) / documented.unit


def _passed(folder: Path, documented: Documented, metric: str, began: float) -> float | None:
    """Seconds from `began` to the end of the first epoch, of any trial, that is as good as the chapter."""
    store = find_store(f"sqlite:///{folder / 'runs' / 'mlflow.db'}", documented.study)
    assert store is not None
    assert documented.validation is not None
    ends = [
        entry.timestamp / 1000
        for run in child_runs(store)
        for entry in store.client.get_metric_history(run.info.run_id, metric)
        if entry.value >= documented.validation
    ]
    return min(ends) - began if ends else None


def _process(folder: Path, module: str, *arguments: str) -> str:
    """Run `python -m module …` to its end; what it printed."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode != 0:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise FailedError(f"{' '.join(command[2:4])}: {said[-1][:300] if said else 'it said nothing'}")
    return done.stdout


def _last_json(printed: str) -> dict[str, Any]:
    """The last line that is a JSON object; a library's greeting may follow or come before."""
    for line in reversed(printed.splitlines()):
        with suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict):
                return found
    raise FailedError("no result was printed")
