"""Checkpoints of a study in PostgreSQL: two folders as two machines, one server."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from servers import Postgres

from sweeps.storage import shared
from sweeps.storage.checkpoint_table import CheckpointTable
from sweeps.storage.database import Database
from sweeps.trial import shared_checkpoints
from sweeps.trial.checkpoint import Checkpoints

Machine = Callable[[str], contextlib.AbstractContextManager[Checkpoints]]


@pytest.fixture
def machine(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """The checkpoints of the study `s` in a workspace of that name."""
    monkeypatch.setattr(shared_checkpoints, "_INTERVAL", 0.02)

    def machine(name: str) -> contextlib.AbstractContextManager[Checkpoints]:
        folder = tmp_path / name / "s"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "database").write_text(postgres.uri())
        return shared_checkpoints.checkpoints_of(folder)

    yield machine
    shared.close()


@pytest.fixture
def table(postgres: Postgres) -> Iterator[CheckpointTable]:
    """What the database has."""
    with contextlib.closing(Database(postgres.uri())) as database:
        yield (found := CheckpointTable(database, "s"))
        found.keep([])


def wait_for(happened: Callable[[], object]) -> None:
    """Until something is so."""
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def copy_of(table: CheckpointTable, number: int) -> bytes:
    """The copy of a trial's checkpoint."""
    wait_for(lambda: table.content(number))
    return table.content(number) or b""


def after(epoch: int, call: int = 1, rounds: int = 0, **more: object) -> dict[str, object]:
    """What a trial saves after so many epochs."""
    return {"call": call, "epoch": epoch, "rounds": [[]] * rounds, **more}


def test_another_machine_goes_on_from_the_last_copy(machine: Machine, table: CheckpointTable) -> None:
    weights = np.arange(5.0)
    with machine("one") as one:
        one.begin(4, 4)
        one.save(4, after(1))
        copy_of(table, 4)
        one.save(4, after(3, weights=weights))
    with machine("other") as other:
        other.begin(4, 9)
        found = other.load(4)
    assert found["epoch"] == 3, "the last state is copied when a sweep ends"
    np.testing.assert_array_equal(found["weights"], weights)


@pytest.mark.parametrize(
    ("here", "there", "taken"),
    [
        (after(3), after(2), False),
        (after(3), after(3), False),
        (after(3), after(4), True),
        (after(9), after(1, call=2), True),
        (after(9), {"call": 0, "rounds": [[]]}, True),
        (after(1, rounds=1), {"call": 0, "rounds": [[]]}, False),
        (None, after(1), True),
    ],
)
def test_of_two_checkpoints_the_one_that_has_come_further_is_taken(
    machine: Machine, table: CheckpointTable, here: object, there: object, taken: bool
) -> None:
    with machine("there") as other:
        other.begin(0, 0)
        other.save(0, there)
    with machine("here") as one:
        if here is not None:
            one.save(0, here)
        one.begin(0, 3)  # of a process that knows nothing of the attempt before
        assert one.load(0) == (there if taken else here)
    with machine("third") as third:
        third.begin(0, 4)
        assert third.load(0) == (there if taken else here), "it is copied, whoever has made it"


def test_a_damaged_file_is_replaced_by_the_copy(machine: Machine, table: CheckpointTable, tmp_path: Path) -> None:
    with machine("one") as one:
        one.begin(2, 2)
        one.save(2, after(2))
        copy_of(table, 2)
        (tmp_path / "one/s/checkpoints/2.checkpoint").write_bytes(b"torn")
        one.begin(2, 5)
        assert one.load(2) == after(2)


def test_a_driver_that_was_cut_off_does_not_replace_what_its_successor_has_put(table: CheckpointTable) -> None:
    table.put(7, 12, b"of the successor")
    table.put(7, 7, b"too late")
    assert table.content(7) == b"of the successor"
    table.put(7, 12, b"further")
    assert table.content(7) == b"further"


def test_what_is_forgotten_is_removed_everywhere(machine: Machine, table: CheckpointTable) -> None:
    with machine("one") as one:
        for number in (1, 2, 3):
            one.begin(number, number)
            one.save(number, number)
            copy_of(table, number)
        one.forget(1)
        assert table.numbers() == [2, 3]
        one.keep([3])
        assert table.numbers() == [3]
        assert one.load(2) is None
    assert table.numbers() == [3]


def test_a_checkpoint_too_large_to_copy_is_named_once(
    machine: Machine, table: CheckpointTable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shared_checkpoints, "LARGEST", 1000)
    with caplog.at_level(logging.WARNING), machine("one") as one:
        for number, size in ((1, 5000), (2, 10)):
            one.begin(number, number)
            one.save(number, np.zeros(size, np.uint8))
        copy_of(table, 2)
        one.save(1, np.ones(5000, np.uint8))
    assert table.numbers() == [2]
    assert sum("trial 1" in record.message for record in caplog.records) == 1


def test_a_lost_connection_costs_no_checkpoint(machine: Machine, table: CheckpointTable, postgres: Postgres) -> None:
    with machine("one") as one:
        one.begin(5, 5)
        one.save(5, after(1))
        first = copy_of(table, 5)
        postgres.stop()
        one.save(5, after(2))
        postgres.start()
        wait_for(lambda: copy_of(table, 5) != first)
    with machine("other") as other:
        other.begin(5, 6)
        assert other.load(5) == after(2)


def test_checkpoints_move_with_the_study(machine: Machine, table: CheckpointTable, tmp_path: Path) -> None:
    with machine("one"):
        pass
    folder = tmp_path / "one/s"
    Checkpoints(folder / "checkpoints").save(3, after(1))
    shared_checkpoints.to_database(folder)
    assert table.numbers() == [3]
    Checkpoints(folder / "checkpoints").forget(3)
    shared_checkpoints.to_folder(folder)
    assert Checkpoints(folder / "checkpoints").load(3) == after(1)
