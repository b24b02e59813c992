"""More slots than the machine has cores for."""

from __future__ import annotations

from dask.system import CPU_COUNT

from sweeps.engine.search import _too_many


def test_many_more_slots_than_cores_are_said_not_to_pay() -> None:
    assert _too_many(CPU_COUNT) == _too_many(2 * CPU_COUNT) == ()
    (said,) = _too_many(2 * CPU_COUNT + 1)
    assert "train no faster" in said
