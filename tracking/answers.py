"""What can go wrong with a tracking store, as a tree, and how it is told from what MLflow and SQLAlchemy raise.

TrackingError
├── StoreUnavailable      it does not answer now, and may come back: it is waited for
├── Unwritable     this machine cannot read or write its file: a full disk, a limit, a right that is missing
├── Damaged        it is no database, or a broken one
├── OtherSchema    it is a database of another version of MLflow
└── Refused        it answers that it cannot be done
"""

from __future__ import annotations

import contextlib
import logging
import re
import shlex
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version

import requests
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

# what goes wrong in a database is raised as well; the log would add its traceback
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

#: SQLite's primary result codes: the machine is at fault, and the file is damaged
_UNWRITABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_UNWRITABLE |= {sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_SCHEMAS = re.compile(r"database schema \(found version (\w+), but expected (\w+)\)")


class TrackingError(Exception):
    """The tracking store does not answer, or not as it should."""


class StoreUnavailable(TrackingError):
    """The tracking store does not answer now: it is stopped, out of reach or locked, and may come back."""


class Unwritable(TrackingError):
    """This machine cannot read or write the store's file; to wait does not help."""


class Damaged(TrackingError):
    """The store is a file that is no database, or not one of MLflow's."""


class OtherSchema(TrackingError):
    """The store is a database of an older or a newer MLflow."""


class Refused(TrackingError):
    """The tracking store answers that it cannot be done."""


@contextlib.contextmanager
def answering(uri: str = "URI") -> Iterator[None]:
    """Turns what MLflow raises into an error of one line.

    Args:
        uri: the store's, where an error may have to name it.

    Raises:
        StoreUnavailable: what could not be done now may succeed later.
        Unwritable: this machine cannot write the store's file.
        Damaged: the store cannot be read.
        OtherSchema: another MLflow made it.
        Refused: it cannot be done.
    """
    try:
        yield
    except (DatabaseError, InterfaceError, MlflowException, requests.RequestException, sqlite3.Error) as error:
        raise _kind_of(error)(one_line(error, uri)) from error


def one_line(error: Exception, uri: str = "URI") -> str:
    """The first line of what an error says."""
    if found := _SCHEMAS.search(str(error)):
        return _of_another_mlflow(found[1], found[2], uri)
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:300]


def _kind_of(error: Exception) -> type[TrackingError]:
    code = _sqlite_code(error)
    if code in _UNWRITABLE:
        return Unwritable
    if code in _DAMAGED:
        return Damaged
    if isinstance(error, MlflowException):
        if _SCHEMAS.search(str(error)):
            return OtherSchema
        status = error.get_http_status_code()
        return StoreUnavailable if status >= 500 or status == 429 else Refused
    # a database that is locked, stopped or starting; a server that does not answer
    away = OperationalError | InterfaceError | requests.RequestException | sqlite3.OperationalError
    return StoreUnavailable if isinstance(error, away) else Damaged


def _sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code, where one is the cause: SQLAlchemy wraps it, and MLflow wraps that."""
    found: BaseException | None = error
    while found is not None:
        cause = found.orig if isinstance(found, DBAPIError) else found
        if isinstance(cause, sqlite3.Error):
            code: int | None = getattr(cause, "sqlite_errorcode", None)
            return None if code is None else code & 0xFF
        found = found.__cause__
    return None


def _of_another_mlflow(found: str, expected: str, uri: str) -> str:
    """What to do about a database whose schema is not this MLflow's."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    here = f"MLflow {version('mlflow')}"
    try:
        ScriptDirectory.from_config(_get_alembic_config("")).get_revision(found)
    except CommandError:  # no migration of this MLflow's leads to it
        return (
            f"its database is of a newer MLflow (schema {found}; {here} has {expected}): pip install --upgrade mlflow"
        )
    return (
        f"its database is of an older MLflow (schema {found}; {here} needs {expected}): "
        f"make a copy of it, then run: mlflow db upgrade {shlex.quote(uri)}"
    )
