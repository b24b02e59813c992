"""The journal on a disk that is full, and after a process that died in mid-write."""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage

from sweeps.storage import journal as journals
from sweeps.storage.journal import WholeRecords
from sweeps.storage.listing import ListingStorage


@contextlib.contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes: a write gets as far as it can, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "journal.log"
    optuna.create_study(storage=JournalStorage(WholeRecords(path)), study_name="houses").ask().suggest_float("x", 0, 1)
    return path


def study(file: Path) -> optuna.Study:
    return optuna.load_study(study_name="houses", storage=JournalStorage(WholeRecords(file)))


@pytest.mark.parametrize("room", [0, 1, 30])
def test_what_a_full_disk_let_through_of_a_record_is_taken_back(file: Path, room: int) -> None:
    content = file.read_bytes()
    opened = study(file)
    with room_for(len(content) + room), pytest.raises(OSError, match=r"journal\.log") as error:
        opened.set_user_attr("note", "x" * 100)
    assert error.value.filename == str(file)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["journal.log"]
    opened.set_user_attr("note", "later")
    assert study(file).user_attrs == {"note": "later"}


def test_what_a_process_left_that_died_in_mid_write_is_cut_off_before_the_next_record(file: Path) -> None:
    whole = file.read_bytes()
    opened = study(file)
    file.write_bytes(whole + b'{"op_code":2,"wor')
    opened.set_user_attr("note", "next")
    assert file.read_bytes().startswith(whole + b'{"op_code":2,"worker_id"')
    assert study(file).user_attrs == {"note": "next"}
    assert file.with_name("journal.log.bak").read_bytes() == whole + b'{"op_code":2,"wor'
    assert journals.torn(file) == 0


def test_a_record_that_is_refused_keeps_no_other_thread_waiting(file: Path) -> None:
    backend = WholeRecords(file)
    opened = optuna.load_study(study_name="houses", storage=ListingStorage(backend))
    with backend.grouped():
        with pytest.raises(ValueError, match="distribution") as refused:  # kept, as by who sends it to a worker
            opened.ask().suggest_int("x", 0, 1)
        other = threading.Thread(target=opened.get_trials, daemon=True)
        other.start()
        other.join(20)
        assert not other.is_alive()
    assert refused.value is not None
    assert len(study(file).trials) == 2
