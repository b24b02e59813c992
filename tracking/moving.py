"""A workspace that was moved or copied: MLflow's tables hold absolute URIs of artifacts, which follow it.

The database says itself for which artifact root its URIs are: a tag of MLflow's own experiment, "Default". What lies
below that root moves with the workspace; whatever else a person has given as an artifact location stays.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: the tag that holds the artifact root's URI, and the experiment that has it
_ROOT, _DEFAULT = "sweeps.artifact_root", 0
#: where MLflow keeps URIs of artifacts
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


def settle(file: Path, root: str, before: Callable[[], None]) -> str | None:
    """Let the URIs of a database be those of the place where it lies; the former root, where that is another place.

    A root that is the same folder as this one by another path (a link, a mount) is no other place.

    Args:
        file: the database, `mlflow.db` in the workspace.
        root: the URI of the workspace's folder of artifacts.
        before: called before anything is changed; what it raises leaves all as it is.

    Raises:
        sqlite3.Error: the database cannot be read, or not be written.
    """
    with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=20)) as database:
        if ("experiments", "artifact_location") not in _there(database):
            return None
        query = "SELECT value FROM experiment_tags WHERE experiment_id = ? AND key = ?"
        known = [str(row[0]) for row in database.execute(query, (_DEFAULT, _ROOT))]
        former = [one for one in known or _guessed(database, root) if one != root and not _same_place(one, root)]
    if former:
        before()
    if former or not known:
        with _writing(file) as database:
            _rebase(database, former, root)
            _note(database, root)
    return former[0] if former else None


def begin_at(file: Path, root: str | None) -> None:
    """Let an empty database's own experiment, "Default", have its artifacts below this root.

    Args:
        root: None: in the current folder's `mlruns`, as MLflow has it.
    """
    location = f"{root or Path('mlruns').absolute().as_uri()}/{_DEFAULT}"
    with _writing(file) as database:
        database.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (location, _DEFAULT))
        if root is not None:
            _note(database, root)


def _rebase(database: sqlite3.Connection, former: list[str], root: str) -> None:
    for table, column in _there(database):
        for one in former:
            database.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (root, len(one) + 1, one, len(one) + 1, f"{one}/"),
            )


def _note(database: sqlite3.Connection, root: str) -> None:
    database.execute(
        "INSERT OR REPLACE INTO experiment_tags (experiment_id, key, value) VALUES (?, ?, ?)", (_DEFAULT, _ROOT, root)
    )


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(file, timeout=20, isolation_level="IMMEDIATE")) as database, database:
        yield database


def _there(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Those of the columns that this MLflow has."""
    return [
        (table, column)
        for table, column in _COLUMNS
        if any(row[1] == column for row in database.execute(f"PRAGMA table_info({table})"))
    ]


def _guessed(database: sqlite3.Connection, root: str) -> list[str]:
    """Of a database that does not say it: where the artifacts of experiments were whose folders are in this place.

    Before, an experiment's artifacts were at …/artifacts/NAME in each workspace.
    """
    here = local_path(root)
    found = []
    for (location,) in database.execute("SELECT artifact_location FROM experiments"):
        parent, _, name = str(location).rpartition("/")
        if parent.startswith("file:") and parent.endswith("/artifacts") and here and (here / unquote(name)).is_dir():
            found.append(parent)
    return list(dict.fromkeys(found))


def _same_place(one: str, other: str) -> bool:
    """Whether the workspaces that two artifact roots lie in are one folder."""
    first, second = local_path(one), local_path(other)
    try:
        return bool(first and second and first.parent.samefile(second.parent))
    except OSError:
        return False


def local_path(uri: str) -> Path | None:
    """The path that a URI of artifacts names on this machine; None where it names none."""
    address = urlsplit(uri)
    return Path(unquote(address.path)) if address.scheme in ("file", "") else None
