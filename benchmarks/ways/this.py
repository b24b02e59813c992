"""This project: `sweeps run --enqueue`, with Dask's workers, the journal, MLflow and logged models."""

from __future__ import annotations

import json

from benchmarks.configurations import CONFIGURATIONS
from benchmarks.records import Job, Outcome
from benchmarks.sweeping import timed_sweep
from sweeps.config import load_config


def run(job: Job) -> Outcome:
    """Run the configurations as enqueued trials.

    Raises:
        RuntimeError: a configuration was not run as it was given.
    """
    file = job.folder / "configurations.json"
    configurations = CONFIGURATIONS[: job.configurations]
    file.write_text(json.dumps([dict(configuration) for configuration in configurations]), encoding="utf-8")
    options = {
        "study": "bench",
        "dataset": job.dataset,
        "space": "benchmarks.space:build_model",
        "trials": len(configurations),
        "epochs": job.epochs,
        "jobs": job.jobs,
        "pruner": "none",
        "enqueue": file,
    }
    sweep = timed_sweep(load_config(options))
    values = {trial.number: trial.value for trial in sweep.trials}
    if sorted(values) != list(range(len(configurations))):
        raise RuntimeError(f"trials 0 to {len(configurations) - 1} were enqueued, got {sorted(values)}")
    return Outcome(
        seconds=sweep.check + sweep.search,
        accuracies=tuple(values[number] for number in range(len(configurations))),
        extras={"check": sweep.check, "open": sweep.opened, "close": sweep.closed},
        breakdown=sweep.breakdown(),
    )
