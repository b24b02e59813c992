"""What the tests of the benchmarks share: results as a run would leave them."""

from __future__ import annotations

import pytest

from benchmarks.goals import goals
from benchmarks.records import Breakdown, Floor, Machine, Results, Run, Scale, Speed


def a_run(way: str, epochs: int, seconds: float, accuracies: tuple[float | None, ...] = (0.8, 0.9)) -> Run:
    """A run of two configurations."""
    own = Breakdown(trial=2.0, phases={"train": 1.0, "validate": 0.1, "log": 0.2}, calls={"mlflow.log_batch": 0.05})
    return Run(
        way=way,
        epochs=epochs,
        seconds=seconds,
        wall_seconds=seconds + 5,
        accuracies=accuracies,
        breakdown=own if way == "this" else None,
    )


@pytest.fixture
def results() -> Results:
    """Two repetitions at 3 epochs, this project and KerasTuner at 10, no Ray Tune; all of the scaling."""
    runs = (
        a_run("this", 3, 2.0),
        a_run("keras_tuner", 3, 40.0),
        a_run("tutorial", 3, 60.0, (0.7, None)),
        a_run("tutorial", 3, 20.0),
        a_run("keras_tuner", 3, 60.0),
        a_run("this", 3, 4.0),
        a_run("keras_tuner", 10, 100.0),
        a_run("this", 10, 10.0),
    )
    floor = Floor(training=(0.3, 0.1), validation=(0.02, 0.02), busy=1.2, blas="a library")
    found = Results(
        machine=Machine(cpu="a processor", cores=2, versions={"python": "3.11.7", "keras": "3.15.1"}),
        speed=Speed(dataset="some pictures", configurations=("one", "two"), runs=runs, floor=floor),
        scale=Scale(
            overhead={10: 0.1, 1000: 0.5},
            memory={20: 1000, 200: 1200},
            trials_an_hour={1: (100.0, 200.0, 300.0), 2: (400.0,)},
        ),
    )
    return found.model_copy(update={"goals": goals(found)})
