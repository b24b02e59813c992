"""The runs of the chapter's results: each is a separate process in a folder of its own."""

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
from benchmarks.processes import RunFailedError, environment, last_line
from tracking import child_runs, find_store


def sweep_row(documented: Documented, housing: str, smoke: bool) -> Row:
    """Search, export the best model, and test it once.

    Args:
        housing: the path of the California housing file; "" for Fashion-MNIST.
        smoke: two trials of one epoch.

    Raises:
        RunFailedError: a process failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-chapter-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        limits = ("--trials", "2", "--epochs", "1") if smoke else ()
        began, started = time.time(), time.perf_counter()
        _process(folder, "sweeps", "run", *documented.arguments(housing), *limits)
        seconds = time.perf_counter() - started
        best = json.loads(_process(folder, "sweeps", "best", documented.study, "--json"))
        test = _test_score(folder, documented, housing)
        passed = None
        if documented.validation is not None:
            passed = _passed_after(folder, documented, best["objective"], began)
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
    """Train the chapter's untuned model by plain Keras.

    Raises:
        RunFailedError: its process failed.
    """
    data = ("--housing", housing) if documented.housing else ()
    with tempfile.TemporaryDirectory(prefix="bench-chapter-") as folder:
        return Figures(**_last_json(_process(Path(folder), "benchmarks.chapter_models", documented.model, *data)))


def tuner_figures(module: str, search: str, smoke: bool) -> Figures:
    """Run one of the chapter's tuner searches.

    Args:
        module: `sweeps.tuner` or `keras_tuner`.
        smoke: use only a few rows.

    Raises:
        RunFailedError: its process failed.
    """
    limits = ("--rows", "1000") if smoke else ()
    with tempfile.TemporaryDirectory(prefix="bench-chapter-") as folder:
        printed = _process(Path(folder), "benchmarks.chapter_tuner", module, "--search", search, "--here", *limits)
    answer = _last_json(printed)
    return Figures(validation=answer["val_accuracy"], seconds=answer["seconds"])


def tuner_row(search: str, ours: Figures, theirs: Figures | None) -> Row:
    """The row of a tuner search."""
    return Row(
        name=search,
        section=f"10.3 {search} search",
        command=f"python -m benchmarks.chapter_tuner sweeps.tuner --search {search}",
        metric="accuracy",
        chapter_validation=TUNERS[search],
        theirs=theirs,
        ours=ours,
    )


def _test_score(folder: Path, documented: Documented, housing: str) -> float:
    _process(folder, "sweeps", "export", documented.study)
    _, _, dataset, *rest = documented.arguments(housing)
    target = rest[:2] if documented.housing else []
    export = str(folder / "exports" / documented.study)
    printed = _process(folder, "benchmarks.chapter_evaluate", export, dataset, *target)
    return float(_last_json(printed)["test"]) / documented.unit


def _passed_after(folder: Path, documented: Documented, metric: str, began: float) -> float | None:
    """Seconds from `began` to the end of the first epoch of any trial that reaches the chapter's figure."""
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
    """Run `python -m module …`; return its standard output."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode != 0:
        raise RunFailedError(f"{' '.join(command[2:4])}: {last_line(done.stderr + done.stdout)}")
    return done.stdout


def _last_json(printed: str) -> dict[str, Any]:
    """The last line that is a JSON object, among the messages of libraries."""
    for line in reversed(printed.splitlines()):
        with suppress(ValueError):
            document = json.loads(line)
            if isinstance(document, dict):
                return document
    raise RunFailedError("no result was printed")
