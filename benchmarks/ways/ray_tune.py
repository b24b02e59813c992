"""Ray Tune: one trial for each core in parallel, with reused actors."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.configurations import BATCH_SIZE, CONFIGURATIONS
from benchmarks.records import Job, Outcome

if TYPE_CHECKING:
    from benchmarks.ways.arrays import Arrays


def run(job: Job) -> Outcome:
    """Run the configurations as a grid with one axis; the data is in Ray's object store before the clock starts."""
    import ray
    from ray import tune

    # not at the top: Ray's processes import this file, and the imports below are timed there
    from benchmarks.ways.arrays import arrays

    data = arrays(job)
    ray.init(num_cpus=job.jobs, include_dashboard=False, log_to_driver=False)
    trainable = tune.with_resources(tune.with_parameters(train, data=data, epochs=job.epochs), resources={"cpu": 1})
    tuner = tune.Tuner(
        trainable,
        param_space={"number": tune.grid_search(list(range(job.configurations)))},
        tune_config=tune.TuneConfig(metric="val_accuracy", mode="max", reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(job.folder), name="ray_tune", verbose=0),
    )
    began = time.perf_counter()
    results = tuner.fit()
    seconds = time.perf_counter() - began
    metrics_by_number = {result.config["number"]: result.metrics for result in results}
    if results.errors:
        raise results.errors[0]
    ray.shutdown()
    # each slot's process imports TensorFlow in its first trial; imports do not count, as for the other ways
    imports = sum(metrics["import_seconds"] for metrics in metrics_by_number.values()) / job.jobs
    accuracies = tuple(metrics_by_number[number].get("val_accuracy") for number in range(job.configurations))
    return Outcome(seconds=seconds - imports, accuracies=accuracies, extras={"imports": imports})


def train(config: dict[str, Any], data: Arrays, epochs: int) -> dict[str, float]:
    """Run one trial in an actor."""
    new = "keras" not in sys.modules
    began = time.perf_counter()
    from benchmarks.space import network

    import_seconds = time.perf_counter() - began if new else 0.0
    x, y, x_valid, y_valid = data
    model = network(CONFIGURATIONS[config["number"]])
    history = model.fit(x, y, BATCH_SIZE, epochs, validation_data=(x_valid, y_valid), verbose=0)
    return {"val_accuracy": max(history.history["val_accuracy"]), "import_seconds": import_seconds}
