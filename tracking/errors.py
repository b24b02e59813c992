"""Errors of a tracking store, and their translation from what MLflow, SQLAlchemy and requests raise.

TrackingError
├── StoreUnavailable    the store is stopped, unreachable or locked, and may come back: retry
├── Unwritable          this machine cannot read or write the store's file (disk full, size limit, permissions)
├── Damaged             the store's file is not a database, or a corrupt one
├── OtherSchema         the database belongs to another version of MLflow
└── Refused             the store rejects the request
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

# the database's errors are raised as well; the log would add a traceback
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

#: SQLite's primary result codes
_UNWRITABLE = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_UNWRITABLE |= {sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

_SCHEMAS = re.compile(r"database schema \(found version (\w+), but expected (\w+)\)")


class TrackingError(Exception):
    """A request to the tracking store failed."""


class StoreUnavailable(TrackingError):
    """The store is stopped, unreachable or locked now; a later attempt may succeed."""


class Unwritable(TrackingError):
    """This machine cannot read or write the store's file; waiting does not help."""


class Damaged(TrackingError):
    """The store's file is not a database, not one of MLflow's, or corrupt."""


class OtherSchema(TrackingError):
    """The store is a database of an older or newer MLflow."""


class Refused(TrackingError):
    """The store rejects the request."""


@contextlib.contextmanager
def translate_errors(uri: str = "URI") -> Iterator[None]:
    """Translate errors of MLflow and its database into a `TrackingError` with a message of one line.

    Args:
        uri: the store's URI, for messages that name it.

    Raises:
        StoreUnavailable, Unwritable, Damaged, OtherSchema, Refused: see the module's docstring.
    """
    try:
        yield
    except (DatabaseError, InterfaceError, MlflowException, requests.RequestException, sqlite3.Error) as error:
        raise _kind_of(error)(one_line(error, uri)) from error


def one_line(error: Exception, uri: str = "URI") -> str:
    """An error's message in one line, of at most 300 characters where it is not about the schema."""
    if schemas := _SCHEMAS.search(str(error)):
        return _schema_message(schemas[1], schemas[2], uri)
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
    # a database that is locked, stopped or starting; a server that does not respond
    transient = OperationalError | InterfaceError | requests.RequestException | sqlite3.OperationalError
    return StoreUnavailable if isinstance(error, transient) else Damaged


def _sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code where SQLite is the cause: SQLAlchemy wraps its error, and MLflow wraps that."""
    link: BaseException | None = error
    while link is not None:
        cause = link.orig if isinstance(link, DBAPIError) else link
        if isinstance(cause, sqlite3.Error):
            code: int | None = getattr(cause, "sqlite_errorcode", None)
            return None if code is None else code & 0xFF
        link = link.__cause__
    return None


def _schema_message(found: str, expected: str, uri: str) -> str:
    """What to do about a database with the schema `found` where this MLflow expects another."""
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from mlflow.store.db.utils import _get_alembic_config

    here = f"MLflow {version('mlflow')}"
    try:
        ScriptDirectory.from_config(_get_alembic_config("")).get_revision(found)
    except CommandError:  # this MLflow has no migration to it
        return (
            f"its database is of a newer MLflow (schema {found}; {here} has {expected}); pip install --upgrade mlflow"
        )
    return (
        f"its database is of an older MLflow (schema {found}; {here} needs {expected}): "
        f"back it up, then run: mlflow db upgrade {shlex.quote(uri)}"
    )
