"""The goals on 2 cores, with what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable

from benchmarks.records import Breakdown, Goal, Results, Run, Scale, Speed, Sweeps
from benchmarks.ways import WAYS

#: way, epochs a trial, and the goal for its seconds a trial relative to this project's
_RATIOS = (("keras_tuner", 3, 15.0), ("tutorial", 3, 25.0), ("ray_tune", 3, 12.0), ("keras_tuner", 10, 15.0))

#: what is measured from outside: figure, goal, and whether more is better
_SWEEPS = (
    ("first result ÷ floor", 1.15, False),
    ("first result, 12 slots ÷ 2 slots", 2.5, False),
    ("a killed worker is replaced, s", 0.5, False),
    ("driver's memory at 10,000 trials, MB", 700, False),
    ("trials a second, 8 workers", 40, True),
    ("trials a second until trial 10,000, 8 workers", 40, True),
)


def goals(results: Results) -> tuple[Goal, ...]:
    """All goals, measured or not."""
    speed = results.speed or Speed(dataset="", configurations=(), runs=(), floor=None)
    scale = results.scale or Scale(overhead={}, memory={}, trials_an_hour={})
    ratios = (
        (f"seconds a trial, {WAYS[way].title} ÷ this ({epochs} epochs)", wanted, True, ratio(speed, way, epochs))
        for way, epochs, wanted in _RATIOS
    )
    return tuple(
        Goal(figure=figure, wanted=wanted, at_least=at_least, measured=measured)
        for figure, wanted, at_least, measured in (
            *ratios,
            ("training and validation ÷ their matrix products (3 epochs)", 1.1, False, over_floor(speed, 3)),
            ("the same (10 epochs)", 1.1, False, over_floor(speed, 10)),
            ("MLflow and Optuna, share of a trial (3 epochs)", 0.02, False, services(speed, 3)),
            ("the same (10 epochs)", 0.02, False, services(speed, 10)),
            ("seconds of a trial beside training, at trial 10", 0.15, False, scale.overhead.get(10)),
            ("the same at trial 1,000", 0.2, False, scale.overhead.get(1000)),
            ("the same at trial 10,000", 0.3, False, scale.overhead.get(10_000)),
            ("a worker's memory after 200 trials ÷ after 20", 1.10, False, memory_growth(scale)),
            ("trials an hour, 2 slots ÷ 1 slot", 1.8, True, second_core(scale)),
            *((figure, wanted, at_least, of_sweeps(results, figure)) for figure, wanted, at_least in _SWEEPS),
            ("memory (PSS), 12 slots, ÷ before", 0.5, False, to_before(results, "memory (PSS), 12 slots, MB")),
        )
    )


def of_sweeps(results: Results, figure: str, label: str = "after") -> float | None:
    """A figure of `Results.sweeps`; None where it was not measured."""
    measured = results.sweeps.get(label, Sweeps()).figures.values()
    return next((figures[figure] for figures in measured if figure in figures), None)


def to_before(results: Results, figure: str) -> float | None:
    """A figure after the change relative to the one before it."""
    before, after = (of_sweeps(results, figure, label) for label in ("before", "after"))
    return after / before if before and after is not None else None


def runs_of(speed: Speed, way: str, epochs: int) -> list[Run]:
    """All runs of a way with that many epochs."""
    return [run for run in speed.runs if run.way == way and run.epochs == epochs]


def seconds_a_trial(speed: Speed, way: str, epochs: int) -> float | None:
    """The median over the repetitions; None where there are none."""
    return _median(run.per_trial for run in runs_of(speed, way, epochs))


def ratio(speed: Speed, way: str, epochs: int) -> float | None:
    """A way's seconds a trial relative to this project's; None where one was not measured."""
    theirs, ours = seconds_a_trial(speed, way, epochs), seconds_a_trial(speed, "this", epochs)
    return None if theirs is None or ours is None else theirs / ours


def over_floor(speed: Speed, epochs: int) -> float | None:
    """Seconds of training and validation relative to those of their matrix products."""
    if speed.floor is None:
        return None
    floor = speed.floor.epoch * epochs
    return _of_breakdowns(speed, epochs, lambda breakdown: breakdown.training / floor)


def services(speed: Speed, epochs: int) -> float | None:
    """The share of MLflow and Optuna in a trial's seconds."""
    return _of_breakdowns(speed, epochs, lambda breakdown: breakdown.services)


def second_core(scale: Scale) -> float | None:
    """Trials an hour with two slots relative to one slot."""
    one, two = (_median(scale.trials_an_hour.get(slots, ())) for slots in (1, 2))
    return None if one is None or two is None else two / one


def memory_growth(scale: Scale) -> float | None:
    """A worker's memory after 200 trials relative to that after 20."""
    early, late = scale.memory.get(20), scale.memory.get(200)
    return None if early is None or late is None else late / early


def _of_breakdowns(speed: Speed, epochs: int, value: Callable[[Breakdown], float]) -> float | None:
    return _median(value(run.breakdown) for run in runs_of(speed, "this", epochs) if run.breakdown)


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return statistics.median(known) if known else None
