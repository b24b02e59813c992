"""A PostgreSQL database that drivers on several machines share: a study's records, and locks that end with a process.

The locks are PostgreSQL's advisory ones, of the connection: the server takes them away when it ends.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeVar

from sweeps.errors import BackendUnreachable, CorruptStore, InputError

if TYPE_CHECKING:  # of the extra `postgresql`
    from psycopg import Connection

#: seconds that a first connection may take, and that a lost one is tried to be had again
CONNECT_TIMEOUT, PATIENCE = 10, 60.0
#: seconds between two attempts at a lock that another process has, and at a connection
_LOCK_INTERVAL, _CONNECT_INTERVAL = 0.02, 0.5
#: after how long a connection is lost whose other end does not answer: milliseconds, and seconds where nothing is sent
_UNANSWERED = 30_000
_KEEPALIVES: dict[str, Any] = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: seconds after a restart of the server in which a lock that nobody has may still be somebody's
_GRACE = 10
_LOCK_UNLESS_RESTARTED = (
    "SELECT CASE WHEN now() - pg_postmaster_start_time() < %s * interval '1 second' THEN FALSE "
    "ELSE pg_try_advisory_lock(%s) END"
)
#: the columns of each table; study and number are its primary key
_TABLES = {
    "records": {"study": "text", "number": "bigint", "batch": "uuid", "record": "text"},
    "checkpoints": {"study": "text", "number": "bigint", "attempt": "bigint", "content": "bytea"},
}
T = TypeVar("T")


class Database:
    """A connection that reconnects when it is lost, and acquires its locks again.

    Args:
        uri: `postgresql://USER@HOST:PORT/NAME`; passwords come from PGPASSWORD or ~/.pgpass.

    Raises:
        BackendUnreachable: it does not answer or refuses the login, or psycopg is not installed.
        InputError: the database holds a table of that name which is not of this project.
    """

    def __init__(self, uri: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise BackendUnreachable(
                f"--storage needs psycopg, which cannot be imported: {error}\npip install 'keras-sweeps[postgresql]'"
            ) from None
        self.uri = uri
        self._errors = psycopg.Error
        #: locks that are had again after a lost connection, and whether they are shared
        self._held: dict[int, bool] = {}
        #: the `time.monotonic()` since which the server does not answer
        self._lost_at: float | None = None
        #: process and beginning of the server's side of the connection
        self._session: Sequence[Any] = (None, None)
        #: the `time.monotonic()` of the last reconnection
        self._again_at = -math.inf
        self._turn, self._closed = threading.RLock(), False
        try:
            self._connection = self._connect()
            with contextlib.ExitStack() as failed:
                failed.callback(self._connection.close)
                self._make_tables()
                failed.pop_all()
        except psycopg.Error as error:
            raise BackendUnreachable(f"the storage {uri} cannot be used: {_line(error)}") from None

    def close(self) -> None:
        """End the connection, and let go of all locks."""
        self._closed = True
        self._connection.close()

    def exchange(self, study: str, number: int, records: Sequence[str], last: str | None = None) -> list[str]:
        """Append a study's records; those that were there before them, from `number` on, in their order.

        Args:
            last: the record before `number`; None: there is none, or it is not known.

        Raises:
            CorruptStore: the database has another one there, or none.
        """
        batch = uuid.uuid4()

        def attempt(connection: Connection[Any]) -> list[str]:
            with connection.transaction():
                if records:
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [key(study, "records")])
                rows = connection.execute(
                    "SELECT batch, record FROM sweeps.records WHERE study = %s AND number >= %s ORDER BY number",
                    [study, number - (last is not None)],
                ).fetchall()
                if last is not None and (not rows or rows.pop(0)[1] != last):
                    raise CorruptStore(
                        f"the storage {self.uri} has no study {study!r} any more, or another one, than this workspace\n"
                        "It was deleted or moved on another machine: remove the study's folder here, or rename it"
                    )
                # an attempt whose answer was lost may have succeeded, and others may have written since then
                before = [record for _, record in takewhile(lambda row: row[0] != batch, rows)]
                if records and len(before) == len(rows):
                    first = number + len(rows)
                    with connection.cursor() as cursor:
                        cursor.executemany(
                            "INSERT INTO sweeps.records (study, number, batch, record) VALUES (%s, %s, %s, %s)",
                            [(study, place, batch, record) for place, record in enumerate(records, first)],
                        )
            return before

        return self.do(attempt)

    def has(self, study: str) -> bool:
        """Whether there are records of a study."""
        query = "SELECT EXISTS (SELECT FROM sweeps.records WHERE study = %s)"
        return bool(self._ask(query, study))

    def remove(self, study: str) -> None:
        """Remove a study's records and checkpoints."""

        def attempt(connection: Connection[Any]) -> None:
            with connection.transaction():
                for table in _TABLES:
                    connection.execute(f"DELETE FROM sweeps.{table} WHERE study = %s", [study])

        self.do(attempt)

    def hold(self, key: int, shared: bool = False, again: bool = True) -> None:
        """Wait for a lock, and hold it until it is released or this process ends.

        Args:
            shared: others may hold it shared, too.
            again: hold it again after a lost connection.
        """
        while not self.lock_if_free(key, shared, again):
            time.sleep(_LOCK_INTERVAL)

    def lock_if_free(self, key: int, shared: bool = False, again: bool = False) -> bool:
        """Hold a lock, if no other process does; see `hold`."""
        with self._turn:  # in which nobody else connects again
            got = bool(self._ask(f"SELECT pg_try_advisory_lock{_shared(shared)}(%s)", key))
            if got and again:
                self._held[key] = shared
            return got

    def release(self, key: int) -> None:
        """Let go of a lock; one that was lost with its connection is nobody's."""
        with self._turn, contextlib.suppress(OSError):  # the server lets go by itself
            shared = self._held.pop(key, False)
            self._ask(f"SELECT pg_advisory_unlock{_shared(shared)}(%s)", key)

    @property
    def is_settled(self) -> bool:
        """Whether this process has not just connected again: where the server has ended all sessions without a restart,
        others may be about to hold their locks again."""
        return time.monotonic() > self._again_at + _GRACE

    @contextlib.contextmanager
    def alone(self, key: int) -> Iterator[bool]:
        """Whether no other process holds a lock, which this one may hold shared; no other gets it meanwhile.

        Soon after a restart of the server nobody is alone: others may be about to hold their locks again.
        """
        got = bool(self._ask(_LOCK_UNLESS_RESTARTED, _GRACE, key))
        try:
            yield got
        finally:
            if got:
                with contextlib.suppress(OSError):
                    self._ask("SELECT pg_advisory_unlock(%s)", key)

    def _ask(self, query: str, *values: int | str) -> Any:
        row = self.do(lambda connection: connection.execute(query, values).fetchone())
        return row and row[0]

    def do(self, work: Callable[[Connection[Any]], T]) -> T:
        """Do some work, again if the connection is lost meanwhile.

        Raises:
            OSError: there was none for `PATIENCE` seconds, or the server refuses the work (EIO, which is taken for a
                fault of the machine).
        """
        with self._turn:
            while True:
                if self._closed:
                    raise OSError(errno.EIO, "the storage was closed", self.uri)
                try:
                    if self._connection.closed:
                        self._reconnect()
                    result = work(self._connection)
                    self._lost_at = None
                    return result
                except self._errors as error:
                    if not self._connection.closed:
                        raise OSError(errno.EIO, f"the storage refuses: {_line(error)}", self.uri) from None
                    self._lost_at = self._lost_at or time.monotonic()
                    if time.monotonic() > self._lost_at + PATIENCE:
                        raise OSError(errno.EIO, "the storage does not answer", self.uri) from None
                    time.sleep(_CONNECT_INTERVAL)

    def _reconnect(self) -> None:
        """Connect, and have the locks again, which others may look at in this moment."""
        with contextlib.ExitStack() as failed:
            made = self._connect()
            failed.callback(made.close)
            for key, shared in self._held.items():
                query = f"SELECT pg_try_advisory_lock{_shared(shared)}(%s)"
                while not (made.execute(query, [key]).fetchone() or [False])[0]:
                    time.sleep(_LOCK_INTERVAL)
            failed.pop_all()
        self._connection, self._again_at = made, time.monotonic()

    def _connect(self) -> Connection[Any]:
        import psycopg

        made = psycopg.connect(
            self.uri,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            application_name="sweeps",
            tcp_user_timeout=_UNANSWERED,
            **_KEEPALIVES,
        )
        with contextlib.ExitStack() as failed:
            failed.callback(made.close)
            # of the server's side, which keeps the locks of a machine that has lost its power or its network
            for name, value in {"user_timeout": _UNANSWERED, **_KEEPALIVES}.items():
                made.execute(f"SET tcp_{name} = {value}")
            made.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s",
                self._session,
            )
            session = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
            self._session = made.execute(session).fetchone() or self._session
            failed.pop_all()
        return made

    def _make_tables(self) -> None:
        self._connection.execute("SELECT pg_advisory_lock(%s)", [key("", "table")])  # two at once would fail
        for table, columns in _TABLES.items():
            query = (
                "SELECT column_name, data_type FROM information_schema.columns "
                "WHERE table_schema = 'sweeps' AND table_name = %s"
            )
            found = dict(self._connection.execute(query, [table]).fetchall())
            if found and found != columns:
                raise InputError(f"the storage {self.uri} holds a table sweeps.{table} that is not of this project")
            if not found:
                typed = ", ".join(f"{name} {kind} NOT NULL" for name, kind in columns.items())
                self._connection.execute("CREATE SCHEMA IF NOT EXISTS sweeps")
                self._connection.execute(f"CREATE TABLE sweeps.{table} ({typed}, PRIMARY KEY (study, number))")
        self._connection.execute("SELECT pg_advisory_unlock(%s)", [key("", "table")])


def key(study: str, what: str) -> int:
    """The number of a study's lock."""
    return int.from_bytes(hashlib.sha256(f"{study}\0{what}".encode()).digest()[:8], signed=True)


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _shared(shared: bool) -> str:
    return "_shared" if shared else ""
