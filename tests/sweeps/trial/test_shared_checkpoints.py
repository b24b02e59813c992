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


def test_another_machine_goes_on_from_the_last_copy(machine: Machine, table: CheckpointTable) -> None:
    state = {"epoch": 3, "weights": np.arange(5.0)}
    with machine("one") as one:
        one.begin(4, 4)
        one.save(4, {"epoch": 1})
        copy_of(table, 4)
        one.save(4, state)
    with machine("other") as other:
        other.begin(4, 9)
        found = other.load(4)
    assert found["epoch"] == 3, "the last state is copied when a sweep ends"
    np.testing.assert_array_equal(found["weights"], state["weights"])


def test_the_machine_that_ran_the_last_attempt_goes_on_from_its_own_file(
    machine: Machine, table: CheckpointTable
) -> None:
    with machine("one") as one:
        one.begin(0, 0)
        one.save(0, "copied")
        copy_of(table, 0)
        table.put(0, 0, b"an older copy")
        one.save(0, "newer than its copy")
        one.begin(0, 3)
        assert one.load(0) == "newer than its copy"


def test_a_machine_takes_what_another_has_trained_meanwhile(machine: Machine) -> None:
    with machine("one") as one, machine("other") as other:
        one.begin(2, 2)
        one.save(2, "of the first attempt")
        wait_for(lambda: other.begin(2, 5) or other.content(2))
        other.save(2, "of the second attempt")
        wait_for(lambda: one.begin(2, 6) or one.load(2) == "of the second attempt")


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
        one.save(5, "before")
        first = copy_of(table, 5)
        postgres.stop()
        one.save(5, "after")
        postgres.start()
        wait_for(lambda: copy_of(table, 5) != first)
    with machine("other") as other:
        other.begin(5, 6)
        assert other.load(5) == "after"


def test_checkpoints_move_with_the_study(machine: Machine, table: CheckpointTable, tmp_path: Path) -> None:
    with machine("one"):
        pass
    folder = tmp_path / "one/s"
    Checkpoints(folder / "checkpoints").save(3, "here")
    shared_checkpoints.to_database(folder)
    assert table.numbers() == [3]
    Checkpoints(folder / "checkpoints").forget(3)
    shared_checkpoints.to_folder(folder)
    assert Checkpoints(folder / "checkpoints").load(3) == "here"
