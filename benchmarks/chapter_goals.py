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
    figures = (
        ("Fashion-MNIST: seconds until validation ≥ 0.8912", 90, False, passed),
        ("Fashion-MNIST, the long sweep: seconds", 900, False, _ours(long, "seconds")),
        ("the same: validation", 0.905, True, _ours(long, "validation")),
        ("the same: test", 0.895, True, _ours(long, "test")),
        ("housing: test RMSE", 0.53, False, _ours(by_name.get(REGRESSION.study), "test")),
        ("housing, two inputs: test RMSE", 0.582, False, _ours(by_name.get(TWO_INPUTS.study), "test")),
        *((f"tuner, {name}: validation", 0.88, True, _ours(by_name.get(name), "validation")) for name in TUNERS),
        *((f"tuner, {name}: KerasTuner's seconds ÷ ours", 10, True, _speedup(by_name.get(name))) for name in TUNERS),
    )
    return tuple(
        Goal(figure=figure, wanted=wanted, at_least=at_least, measured=measured)
        for figure, wanted, at_least, measured in figures
    )


def _ours(row: Row | None, figure: str) -> float | None:
    return None if row is None or row.ours is None else getattr(row.ours, figure)


def _speedup(row: Row | None) -> float | None:
    if row is None or row.ours is None or row.theirs is None:
        return None
    return row.theirs.seconds / row.ours.seconds
