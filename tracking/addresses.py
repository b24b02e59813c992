"""URIs of tracking stores: the file that a URI names, and whether its server can be reached."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tracking.errors import Damaged, Refused, StoreUnavailable, one_line

#: the first bytes of a SQLite file
_SQLITE = b"SQLite format 3\0"
#: default ports; of other schemes the host may be a data source or a socket, which is left to MLflow
_PORTS = {"http": 80, "https": 443, "postgresql": 5432}


def sqlite_uri(file: Path) -> str:
    """The URI of a SQLite file.

    SQLAlchemy gives `?` and `%` a meaning in a URI, so that they must be quoted. Slashes are then quoted as well,
    since MLflow would create the folders that it reads from the URI's text.

    Raises:
        Refused: SQLAlchemy (below 2.1) has no URI for this name.
    """
    for uri in (f"sqlite:///{file}", f"sqlite:///{quote(str(file), safe='')}"):
        if make_url(uri).database == str(file):
            return uri
    raise Refused(f"no URI can be formed of the database's path, got {str(file)!r}")


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for another kind of store."""
    if not uri.startswith("sqlite:"):
        return None
    database = make_url(uri).database
    return Path(database) if database and database != ":memory:" else None


def touch(file: Path) -> None:
    """Read a SQLite file; create an empty one where there is none.

    Raises:
        sqlite3.Error: the file cannot be read or created.
    """
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def check_reachable(uri: str) -> None:
    """Check within 5 seconds that a server listens, or that a file is a SQLite database; MLflow would try for minutes.

    Raises:
        StoreUnavailable: no server listens at the address.
        sqlite3.Error: the file cannot be read.
        Damaged: the file is no SQLite database.
        Refused: the URI cannot be parsed.
    """
    try:
        address, file = make_url(uri), sqlite_file(uri)
    except ArgumentError as error:
        raise Refused(one_line(error)) from None
    if file is not None and file.is_file() and file.stat().st_size:
        with file.open("rb") as content:
            if content.read(len(_SQLITE)) != _SQLITE:
                raise Damaged(f"{file} is not a SQLite database")
        touch(file)
    if address.host and (default_port := _PORTS.get(address.get_backend_name())):
        port = address.port or default_port
        try:
            socket.create_connection((address.host, port), timeout=5).close()
        except OSError as error:
            raise StoreUnavailable(f"{address.host}:{port}: {error}") from None
