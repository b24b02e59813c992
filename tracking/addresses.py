"""URIs of tracking stores: the file that one names, and whether there is somebody at the address."""

from __future__ import annotations

import contextlib
import socket
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from tracking.answers import Damaged, Refused, StoreUnavailable, one_line

#: what a file of SQLite's begins with
_SQLITE = b"SQLite format 3\0"
#: where a server listens whose URI does not say it; what else a host may be (a data source, a socket) MLflow knows
_PORTS = {"http": 80, "https": 443, "postgresql": 5432}


def sqlite_uri(file: Path) -> str:
    """The URI of a SQLite file, whatever its name is.

    SQLAlchemy reads `?` and `%` as parts of a URI. Quoted, they are the file's; with its slashes quoted, too, since
    MLflow makes the folder that it takes a URI's text for, and there is none in that.

    Raises:
        Refused: this SQLAlchemy (below 2.1) has no URI for the name.
    """
    for uri in (f"sqlite:///{file}", f"sqlite:///{quote(str(file), safe='')}"):
        if make_url(uri).database == str(file):
            return uri
    raise Refused(f"the path of a database cannot be put into a URI, got {str(file)!r}")


def sqlite_file(uri: str) -> Path | None:
    """The file of a SQLite store; None of another kind of store."""
    if not uri.startswith("sqlite:"):
        return None
    database = make_url(uri).database
    return Path(database) if database and database != ":memory:" else None


def touch(file: Path) -> None:
    """Read from a SQLite file, an empty one being made where there is none.

    Raises:
        sqlite3.Error: that cannot be done.
    """
    with contextlib.closing(sqlite3.connect(file, timeout=20)) as database:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()


def knock(uri: str) -> None:
    """See whether a server listens at all, or whether a file is a database that can be read.

    MLflow itself would try for minutes.

    Raises:
        StoreUnavailable: none does.
        sqlite3.Error: the file cannot be read.
        Damaged: it is none.
        Refused: the URI cannot be read.
    """
    try:
        address, file = make_url(uri), sqlite_file(uri)
    except ArgumentError as error:
        raise Refused(one_line(error)) from None
    if file is not None and file.is_file() and file.stat().st_size:
        with file.open("rb") as content:
            if content.read(len(_SQLITE)) != _SQLITE:
                raise Damaged(f"{file} is no SQLite database")
        touch(file)
    if address.host and (usual := _PORTS.get(address.get_backend_name())):
        port = address.port or usual
        try:
            socket.create_connection((address.host, port), timeout=5).close()
        except OSError as error:
            raise StoreUnavailable(f"{address.host}:{port}: {error}") from None
