"""Moved and copied workspaces: MLflow's tables hold absolute URIs of artifacts, which must be rewritten.

A tag of MLflow's experiment "Default" holds the artifact root for which the URIs were written. URIs below that root
are rewritten; any other artifact location that the user has chosen stays.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: the tag with the artifact root's URI, and the id of the experiment that has the tag
_ROOT_TAG, _DEFAULT = "sweeps.artifact_root", 0
#: the tables and columns where MLflow keeps URIs of artifacts
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
    ("workspaces", "trace_archival_location"),
    ("experiment_tags", "value"),
)


def relocate(file: Path, root: str, before: Callable[[], None]) -> str | None:
    """Rewrite a database's artifact URIs where its workspace has moved.

    The same folder under another path (a link, a mount) is not a move.

    Args:
        file: the database, `mlflow.db` in the workspace.
        root: the URI of the workspace's artifact folder.
        before: called before anything is written; its exception cancels the rewriting.

    Returns:
        The former artifact root; None where the workspace was not moved.

    Raises:
        sqlite3.Error: the database cannot be read or written.
    """
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as database:
        if ("experiments", "artifact_location") not in _existing_columns(database):
            return None
        query = "SELECT value FROM experiment_tags WHERE experiment_id = ? AND key = ?"
        known = [str(row[0]) for row in database.execute(query, (_DEFAULT, _ROOT_TAG))]
        former = [uri for uri in known or _guess_roots(database, root) if uri != root and not _same_folder(uri, root)]
    if former:
        before()
    if former or not known:
        with _writing(file) as database:
            _rebase(database, former, root)
            _save_root(database, root)
    return former[0] if former else None


def set_artifact_root(file: Path, root: str | None) -> None:
    """Set the artifact location of an empty database's experiment "Default".

    Args:
        root: the URI of the artifact folder; None: `mlruns` in the current folder, which is MLflow's default.
    """
    location = f"{root or Path('mlruns').absolute().as_uri()}/{_DEFAULT}"
    with _writing(file) as database:
        database.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (location, _DEFAULT))
        if root is not None:
            _save_root(database, root)


def _rebase(database: sqlite3.Connection, former: list[str], root: str) -> None:
    for table, column in _existing_columns(database):
        for uri in former:
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (root, len(uri) + 1, uri, len(uri) + 1, f"{uri}/"),
            )


def _save_root(database: sqlite3.Connection, root: str) -> None:
    database.execute(
        "INSERT OR REPLACE INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)",
        (_DEFAULT, _ROOT_TAG, root),
    )


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level="IMMEDIATE")) as database, database:
        yield database


def _existing_columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """The tables and columns of `_COLUMNS` that this version of MLflow has."""
    return [
        (table, column)
        for table, column in _COLUMNS
        if any(row[1] == column for row in database.execute(f"PRAGMA table_info({table})"))
    ]


def _guess_roots(database: sqlite3.Connection, root: str) -> list[str]:
    """The former artifact roots of a database without the tag, as earlier versions of this package wrote it.

    An experiment's artifacts were at …/artifacts/NAME; a root counts where the folder NAME exists below `root`.
    """
    here = local_path(root)
    roots = []
    for (location,) in database.execute("SELECT artifact_location FROM experiments"):
        parent, _, name = str(location).rpartition("/")
        if parent.startswith("file:") and parent.endswith("/artifacts") and here and (here / unquote(name)).is_dir():
            roots.append(parent)
    return list(dict.fromkeys(roots))


def _same_folder(uri: str, other: str) -> bool:
    """Whether two artifact roots belong to one workspace folder."""
    first, second = local_path(uri), local_path(other)
    try:
        return bool(first and second and first.parent.samefile(second.parent))
    except OSError:
        return False


def local_path(uri: str) -> Path | None:
    """The path of an artifact URI on this machine; None for a remote one."""
    address = urlsplit(uri)
    return Path(unquote(address.path)) if address.scheme in ("file", "") else None
