"""A study in a PostgreSQL database, which several workspaces have: one server, processes and threads as machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psycopg
import pytest
from optuna.storages import JournalStorage
from servers import Postgres, free_port
from support import ROOT

from sweeps.config import storage_address
from sweeps.errors import BackendUnreachable, CorruptStore, InputError
from sweeps.storage import database as databases
from sweeps.storage import shared
from sweeps.storage.database import Database, key
from sweeps.storage.journal import WholeRecords
from sweeps.storage.shared import SharedMarks, SharedRecords

Connect = Callable[[], Database]


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setattr(shared, "_joined", {})


@pytest.fixture
def connect(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connects as another machine does."""
    made: list[Database] = []

    def connect() -> Database:
        made.append(Database(postgres.uri()))
        return made[-1]

    monkeypatch.setattr(databases, "_GRACE", 0)  # the server was started for this test
    yield connect
    for database in made:
        database.close()
    shared.close()


def records(folder: Path, database: Database, name: str = "there") -> SharedRecords:
    """Those of a study in a workspace of that name."""
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "journal.log").touch()
    return SharedRecords(folder / name / "journal.log", database)


def on_another_machine(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A Python process with `database`, and `key` to name a lock."""
    lines = [
        "import sys, time",
        "from sweeps.storage.database import Database, key",
        "database = Database(sys.argv[1])",
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join([*lines, code]), *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_one_machine_writes_another_reads_in_the_same_order(tmp_path: Path, connect: Connect) -> None:
    one = records(tmp_path / "one", connect())
    other = records(tmp_path / "other", connect())
    first = optuna.create_study(storage=JournalStorage(one), study_name="s", direction="maximize")
    other.refresh()
    second = optuna.load_study(storage=JournalStorage(other), study_name="s")
    for study in (first, second, first):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, trial.number)
    one.refresh()
    other.refresh()
    assert [trial.value for trial in first.trials] == [0, 1, 2] == [trial.value for trial in second.trials]
    assert first.trials[1].params == second.trials[1].params
    assert (tmp_path / "one/there/journal.log").read_bytes() == (tmp_path / "other/there/journal.log").read_bytes()


def test_two_machines_that_write_at_once_lose_nothing(tmp_path: Path, connect: Connect) -> None:
    machines = [records(tmp_path / name, connect(), "busy") for name in ("one", "other")]
    for machine in machines:
        optuna.create_study(storage=JournalStorage(machine), study_name="s", load_if_exists=True)

    def write(machine: SharedRecords) -> None:
        study = optuna.load_study(storage=JournalStorage(machine), study_name="s")
        with machine.grouped():
            for _ in range(30):
                trial = study.ask()
                trial.suggest_float("x", 0, 1)
                trial.set_user_attr("n", trial.number)
                study.tell(trial, trial.number)

    threads = [threading.Thread(target=write, args=[machine]) for machine in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    machines[0].refresh()
    trials = optuna.load_study(storage=JournalStorage(machines[0]), study_name="s").trials
    assert [trial.value for trial in trials] == list(range(60))
    assert [trial.user_attrs["n"] for trial in trials] == list(range(60))
    copies = [tmp_path / name / "busy/journal.log" for name in ("one", "other")]
    machines[1].refresh()
    assert copies[0].read_bytes() == copies[1].read_bytes()


def test_an_append_whose_answer_was_lost_is_not_made_twice(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    database, other, lost = connect(), connect(), [True]
    done = Database.do

    def do(self: Database, work: Callable[[psycopg.Connection], object]) -> object:
        def and_lose(connection: psycopg.Connection) -> object:
            result = work(connection)
            if self is database and lost:
                lost.clear()
                connection.close()
                assert other.exchange("once", 2, ["of another"]) == []
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return result

        return done(self, and_lose)

    monkeypatch.setattr(Database, "do", do)
    assert database.exchange("once", 0, ["a", "b"]) == []
    monkeypatch.undo()
    assert not lost
    assert database.exchange("once", 0, []) == ["a", "b", "of another"]


def test_a_mark_ends_with_the_process_that_has_it(postgres: Postgres, connect: Connect) -> None:
    marks = SharedMarks(connect(), "held")
    with on_another_machine("database.hold(7); print('held', flush=True); time.sleep(60)", postgres.uri()) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert marks.alive(7)
        other.kill()
    deadline = time.monotonic() + 5
    while marks.alive(7) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not marks.alive(7)
    with marks.mark() as mine:
        assert marks.alive(mine)
    assert not marks.alive(mine)


def test_one_machine_at_a_time_has_its_turn(postgres: Postgres, connect: Connect) -> None:
    marks = SharedMarks(connect(), "turns")
    code = "database.lock_if_free(key('turns', 'turn')); print('mine', flush=True); time.sleep(0.5)"
    with on_another_machine(code, postgres.uri()) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "mine\n"
        began = time.monotonic()
        with marks.turn(), marks.turn():
            assert time.monotonic() > began + 0.3


def test_marks_are_had_again_after_a_restart_of_the_server(
    postgres: Postgres, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_GRACE", 60)
    marks, others = (SharedMarks(connect(), "restarted") for _ in range(2))
    with marks.mark() as mark:
        postgres.stop()
        postgres.start()
        assert others.alive(mark), "by grace"
        marks._database.exchange("restarted", 0, [])  # as sweeps look now and then
        monkeypatch.setattr(databases, "_GRACE", 0)
        assert others.alive(mark)
        assert not others.alive(1)


def test_who_has_lost_the_server_takes_nobody_for_dead_until_all_may_be_back(
    postgres: Postgres, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks, others = (SharedMarks(connect(), "ended") for _ in range(2))
    with marks.mark() as mark, psycopg.connect(postgres.uri(), autocommit=True) as connection:
        # as where one of its processes crashes: all sessions end, and the server has not been started anew
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sweeps'")
        monkeypatch.setattr(databases, "_GRACE", 60)
        long_ago = databases._LOCK_UNLESS_RESTARTED.replace("pg_postmaster_start_time()", "(now() - interval '1 hour')")
        monkeypatch.setattr(databases, "_LOCK_UNLESS_RESTARTED", long_ago)
        assert others.alive(mark)
        others._database._again_at = -1e9  # later
        marks._database.exchange("ended", 0, [])
        assert others.alive(mark)
        assert not others.alive(1)


def test_a_turn_that_was_lost_with_the_connection_keeps_nobody_waiting(postgres: Postgres, connect: Connect) -> None:
    marks, others = (SharedMarks(connect(), "lost") for _ in range(2))
    with marks.turn():
        postgres.stop()
        postgres.start()
        with others.turn():
            marks._database.exchange("lost", 0, ["a"])


def test_a_server_that_stays_away_is_a_fault_of_the_machine(
    postgres: Postgres, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = connect()
    monkeypatch.setattr(databases, "PATIENCE", 0.5)
    postgres.stop()
    try:
        with pytest.raises(OSError, match="does not answer"):
            database.exchange("away", 0, ["a"])
    finally:
        postgres.start()
    assert database.exchange("away", 0, ["a"]) == []


def study_in(journal: Path, value: float) -> bytes:
    """The journal of a study with one trial."""
    journal.parent.mkdir(parents=True)
    study = optuna.create_study(storage=JournalStorage(WholeRecords(journal)), study_name=journal.parent.name)
    study.add_trial(optuna.trial.create_trial(value=value))
    return journal.read_bytes()


def test_a_study_moves_into_a_database_and_back(tmp_path: Path, postgres: Postgres, connect: Connect) -> None:
    journal = tmp_path / "moves/journal.log"
    before = study_in(journal, 0.5)
    assert shared.move_in(journal, postgres.uri()) == len(before.splitlines())
    assert isinstance(shared.records_of(journal), SharedRecords)
    with pytest.raises(InputError, match=r"is in the storage .* already"):
        shared.move_in(journal, postgres.uri())
    elsewhere = tmp_path / "elsewhere/moves/journal.log"
    shared.join(elsewhere, postgres.uri())
    assert elsewhere.read_bytes() == before
    assert shared.move_out(journal) == len(before.splitlines())
    assert journal.read_bytes() == before
    assert not isinstance(shared.records_of(journal), SharedRecords)
    assert connect().exchange("moves", 0, []) == []
    with pytest.raises(InputError, match="in no storage"):
        shared.move_out(journal)


def test_a_move_that_was_cut_short_is_finished(tmp_path: Path, postgres: Postgres, connect: Connect) -> None:
    journal = tmp_path / "cut/journal.log"
    before = study_in(journal, 0.5)
    shared.move_in(journal, postgres.uri())
    (journal.parent / "database").unlink()  # as if the process had died before it was written
    assert shared.move_in(journal, postgres.uri()) == len(before.splitlines())
    connect().remove("cut")  # as if it had died after that
    shared.move_out(journal)
    assert journal.read_bytes() == before
    assert not (journal.parent / "database").exists()


def test_a_workspace_whose_study_was_moved_or_replaced_elsewhere_writes_nothing(
    tmp_path: Path, postgres: Postgres, connect: Connect
) -> None:
    mine, theirs = tmp_path / "mine/moved/journal.log", tmp_path / "theirs/moved/journal.log"
    study_in(theirs, 0.5)
    shared.move_in(theirs, postgres.uri())
    shared.join(mine, postgres.uri())
    shared.move_out(theirs)
    with pytest.raises(CorruptStore, match="has no study 'moved' any more"):
        shared.records_of(mine).refresh()
    study_in(tmp_path / "new/moved/journal.log", 0.25)
    shared.move_in(tmp_path / "new/moved/journal.log", postgres.uri())
    with pytest.raises(CorruptStore, match="or another one"):
        shared.records_of(mine).append_logs([{"op_code": 0}])
    assert len(connect().exchange("moved", 0, [])) == 2


def test_a_study_that_is_only_here_is_not_taken_for_the_one_in_the_database(tmp_path: Path, postgres: Postgres) -> None:
    journal = tmp_path / "mine/journal.log"
    journal.parent.mkdir()
    journal.write_text("{}\n")
    with pytest.raises(InputError, match="sweeps import-journal mine"):
        shared.join(journal, postgres.uri())
    assert sorted(path.name for path in journal.parent.iterdir()) == ["journal.log"]


def test_of_a_study_that_is_about_to_begin_nothing_is_written(tmp_path: Path, postgres: Postgres) -> None:
    journal = tmp_path / "never/journal.log"
    shared.join(journal, postgres.uri())
    assert not journal.parent.exists()
    assert isinstance(shared.records_of(journal), SharedRecords)
    assert shared.address_of(journal.parent) == postgres.uri()


def test_a_database_that_one_sweep_was_given_is_not_that_of_the_next(tmp_path: Path, postgres: Postgres) -> None:
    journal = tmp_path / "next/journal.log"
    shared.join(journal, postgres.uri())
    shared.join(journal, None)
    assert shared.address_of(journal.parent) is None


def test_what_json_has_and_postgresql_has_not_is_kept(tmp_path: Path, connect: Connect) -> None:
    one, other = records(tmp_path / "one", connect(), "odd"), records(tmp_path / "other", connect(), "odd")
    odd = {"nothing": "a\0b", "half": "\ud800", "numbers": [float("inf"), float("-inf"), 1e-320], "text": "é😀'\"\\"}
    study = optuna.create_study(storage=JournalStorage(one), study_name="s")
    for name, value in odd.items():
        study.set_user_attr(name, value)
    assert optuna.load_study(storage=JournalStorage(other), study_name="s").user_attrs == odd


def test_a_role_that_may_not_make_the_table_is_told(postgres: Postgres) -> None:
    with psycopg.connect(postgres.uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE guarded")
        connection.execute("CREATE ROLE reader LOGIN")
    guarded = postgres.uri(user="reader").replace("/postgres", "/guarded")
    with pytest.raises(BackendUnreachable, match="cannot be used: permission denied for database guarded"):
        Database(guarded)


def test_a_wrong_password_is_told_and_a_right_one_is_shown_nowhere(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = postgres.folder / "data/pg_hba.conf"
    with psycopg.connect(postgres.uri(), autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'open sesame'")
        rules.write_text(f"host all guarded 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("SELECT pg_sleep(0.3)")
    address = postgres.uri(user="guarded")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    for password, said in (("open barley", "password authentication failed"), (None, "no password supplied")):
        if password is None:
            monkeypatch.delenv("PGPASSWORD")
        else:
            monkeypatch.setenv("PGPASSWORD", password)
        with pytest.raises(BackendUnreachable, match=said) as refused:
            Database(address)
        assert len(str(refused.value).splitlines()) == 1
        assert "barley" not in str(refused.value)
    (tmp_path / "pass").write_text(f"127.0.0.1:{postgres.port}:*:guarded:open sesame\n")
    (tmp_path / "pass").chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pass"))
    database = Database(address)
    assert "sesame" not in database.uri
    database.close()


def test_a_session_that_the_server_ends_for_being_idle_has_its_marks_again(
    postgres: Postgres, connect: Connect
) -> None:
    others = SharedMarks(connect(), "idle")
    with psycopg.connect(postgres.uri(), autocommit=True) as connection:
        connection.execute("ALTER ROLE me SET idle_session_timeout = 200")
        try:
            marks = SharedMarks(connect(), "idle")
        finally:
            connection.execute("ALTER ROLE me RESET idle_session_timeout")
    with marks.mark() as mark:
        time.sleep(0.5)
        assert not others.alive(mark), "the server has ended the session"
        marks._database.exchange("idle", 0, [])
        assert others.alive(mark)


def test_machines_without_a_common_mlflow_server_are_refused(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(InputError, match="MLFLOW_TRACKING_URI"):
        shared.join(tmp_path / "mine/journal.log", postgres.uri())


def test_a_table_of_somebody_else_is_left_alone(postgres: Postgres) -> None:
    with psycopg.connect(postgres.uri(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE theirs")
    theirs = postgres.uri().replace("/postgres", "/theirs")
    with psycopg.connect(theirs, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA sweeps; CREATE TABLE sweeps.records (study text, house text)")
    with pytest.raises(InputError, match=r"a table sweeps\.records that is not of this project"):
        Database(theirs)


def test_a_server_that_does_not_answer_is_named() -> None:
    began = time.monotonic()
    with pytest.raises(BackendUnreachable, match=r"127\.0\.0\.1:\d+/postgres cannot be used: .*refused"):
        Database(f"postgresql://me@127.0.0.1:{free_port()}/postgres")
    assert time.monotonic() < began + 15


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://me:secret@host/sweeps", "others cannot see it"),
        ("postgresql://me:se/cret@host/sweeps", "others cannot see it"),
        ("postgresql://me:12/secret@host/sweeps", "others cannot see it"),
        ("postgresql://me@host/sweeps?sslpassword=secret", "others can see a password"),
        ("sqlite:///study.db", "postgresql://USER@HOST:PORT/NAME is wanted"),
        ("postgresql:///sweeps", "postgresql://USER@HOST:PORT/NAME is wanted"),
    ],
)
def test_a_wrong_address_is_said_without_its_password(address: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        storage_address(address)
    assert "cret" not in str(caught.value)


def test_locks_of_two_studies_are_two() -> None:
    names = [key(study, what) for study in ("a", "b") for what in ("turn", "alive", "records")]
    assert len({*names}) == len(names)
    assert all(json.loads(str(number)) == number for number in names)
