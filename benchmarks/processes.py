"""One run of a way as a process of its own, so that none finds what another one left."""

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
    """A run gave no answer; the message says why, in a line."""


def run(job: Job, timeout: float) -> Run:
    """Run the job to its end.

    Args:
        timeout: seconds after which it is ended.

    Raises:
        RunFailedError: it crashed, or took too long.
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
        raise RunFailedError(f"failed: {_last_line(log)}")
    outcome = Outcome.model_validate_json(answer)
    wall_seconds = time.perf_counter() - began
    return Run(**dict(outcome), way=job.way, epochs=job.epochs, wall_seconds=wall_seconds)


def environment(folder: Path) -> dict[str, str]:
    """The caller's, with everything kept inside of `folder`, on the CPU, and quiet."""
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
    """End the process and what it started, if that is still there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
