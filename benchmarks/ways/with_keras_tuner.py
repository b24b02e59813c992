"""KerasTuner's RandomSearch with the fixed configurations in place of random ones."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.configurations import BATCH_SIZE, CONFIGURATIONS
from benchmarks.records import Job, Outcome
from benchmarks.ways.arrays import arrays


def run(job: Job) -> Outcome:
    """Run the configurations.

    Raises:
        RuntimeError: a configuration was not run as given.
    """
    import keras_tuner

    from benchmarks.space import build_model

    x, y, x_valid, y_valid = arrays(job)
    configurations = CONFIGURATIONS[: job.configurations]
    tuner = keras_tuner.RandomSearch(
        build_model,
        objective="val_accuracy",
        max_trials=len(configurations),
        directory=str(job.folder),
        project_name="keras_tuner",
    )

    def populate_space(trial_id: str) -> dict[str, Any]:
        return {"status": "RUNNING", "values": dict(configurations[int(trial_id)])}

    tuner.oracle.populate_space = populate_space
    began = time.perf_counter()
    tuner.search(x, y, validation_data=(x_valid, y_valid), epochs=job.epochs, batch_size=BATCH_SIZE, verbose=0)
    seconds = time.perf_counter() - began
    trials = {int(name): trial for name, trial in tuner.oracle.trials.items()}
    for number, configuration in enumerate(configurations):
        ran = trials[number].hyperparameters.values
        if any(ran.get(name) != value for name, value in configuration.items()):
            raise RuntimeError(f"trial {number} was to run {configuration}, got {ran}")
    return Outcome(seconds=seconds, accuracies=tuple(trials[number].score for number in range(len(configurations))))
