"""The goals for the chapter's problems on 2 cores, with what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.chapter_records import Row
from benchmarks.chapter_sweeps import LONG, QUICK, REGRESSION, TUNERS, TWO_INPUTS
from benchmarks.records import Goal


def goals(rows: Sequence[Row]) -> tuple[Goal, ...]:
    """All goals, measured or not."""
    by_name = {row.name: row for row in rows}
    quick, long = by_name.get(QUICK.study), by_name.get(LONG.study)
    passed = quick.passed_after if quick is not None else None
    return (
        _at_most("Fashion-MNIST: seconds until validation ≥ 0.8912", 90, passed),
        _at_most("Fashion-MNIST, the long sweep: seconds", 900, _ours(long, "seconds")),
        _at_least("the same: validation", 0.905, _ours(long, "validation")),
        _at_least("the same: test", 0.895, _ours(long, "test")),
        _at_most("housing: test RMSE", 0.53, _ours(by_name.get(REGRESSION.study), "test")),
        _at_most("housing, two inputs: test RMSE", 0.582, _ours(by_name.get(TWO_INPUTS.study), "test")),
        *(_at_least(f"tuner, {name}: validation", 0.88, _ours(by_name.get(name), "validation")) for name in TUNERS),
        *(_at_least(f"tuner, {name}: KerasTuner's seconds ÷ ours", 10, _speedup(by_name.get(name))) for name in TUNERS),
    )


def _ours(row: Row | None, figure: str) -> float | None:
    return None if row is None or row.ours is None else getattr(row.ours, figure)


def _speedup(row: Row | None) -> float | None:
    if row is None or row.ours is None or row.theirs is None:
        return None
    return row.theirs.seconds / row.ours.seconds


def _at_least(figure: str, wanted: float, measured: float | None) -> Goal:
    return Goal(figure=figure, wanted=wanted, at_least=True, measured=measured)


def _at_most(figure: str, wanted: float, measured: float | None) -> Goal:
    return Goal(figure=figure, wanted=wanted, at_least=False, measured=measured)
