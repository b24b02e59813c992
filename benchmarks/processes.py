"""Runs of a way in separate processes, so that they do not share caches or files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.records import Job, Outcome, Run

_ROOT = Path(__file__).parents[1]


class RunFailedError(Exception):
    """A run failed; the message says why in one line."""


def run(job: Job, timeout: float) -> Run:
    """Run a job in a process.

    Args:
        timeout: seconds after which the process is ended.

    Raises:
        RunFailedError: the process crashed, or was ended.
    """
    log = job.folder / "stderr.log"
    command = [sys.executable, "-m", "benchmarks.ways", job.model_dump_json()]
    began = time.perf_counter()
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            cwd=job.folder,
            env=environment(job.folder),
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        ) as process,
    ):
        try:
            answer, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise RunFailedError(f"ended after {timeout:.0f} s, unfinished") from None
        finally:
            _end(process)
    if process.returncode != 0:
        raise RunFailedError(f"failed: {last_line(log.read_text(encoding='utf-8', errors='replace'))}")
    outcome = Outcome.model_validate_json(answer)
    wall_seconds = time.perf_counter() - began
    return Run(**dict(outcome), way=job.way, epochs=job.epochs, wall_seconds=wall_seconds)


def environment(folder: Path) -> dict[str, str]:
    """The caller's environment, with all files in `folder`, on the CPU, without log messages."""
    mine = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return mine | {
        "PYTHONPATH": str(_ROOT),
        "SWEEPS_HOME": str(folder / "runs"),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its children, if they are still running."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_line(output: str) -> str:
    """The last line of a process's output that is not empty, of at most 300 characters."""
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
