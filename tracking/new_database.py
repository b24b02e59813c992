"""A new SQLite store as a copy of an empty template, which is created once for each version of MLflow.

MLflow creates an empty store by 67 migrations, which takes two seconds: the workers of a sweep would wait for them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tracking.addresses import sqlite_uri
from tracking.moving import set_artifact_root

#: as trustworthy as the compiled code in the same folder
TEMPLATE = Path(__file__).parent / "__pycache__" / f"empty-{version('mlflow')}.db"

#: seconds after which a temporary copy is stale: copying takes milliseconds
_STALE_AFTER = 10


def create_database(file: Path, template: Path = TEMPLATE, artifact_root: str | None = None) -> None:
    """Create `file` as an empty store, unless it exists, and remove what killed processes left beside it.

    Where that fails (this package's folder is read-only, MLflow's private functions have changed), there is no file
    afterwards, and MLflow creates it on first use.

    Args:
        template: the empty store to copy; created where it does not exist.
        artifact_root: URI of the folder for artifacts; None: MLflow's default.
    """
    with contextlib.suppress(OSError):
        _remove_stale_copies(file)
    if file.exists():
        return
    with contextlib.suppress(Exception):  # SQLAlchemy's errors, and any of MLflow's private functions
        if not template.exists():
            template.parent.mkdir(exist_ok=True)
            with _temporary(template) as new:
                _migrate(new)
                new.replace(template)
        with _temporary(file) as copy:
            shutil.copyfile(template, copy)
            set_artifact_root(copy, artifact_root)
            with copy.open("rb") as content:
                os.fsync(content.fileno())
            file.hardlink_to(copy)  # unlike a rename, this never replaces a file that another process has created


def _remove_stale_copies(file: Path) -> None:
    pattern = re.compile(re.escape(f".{file.name}-") + "[0-9a-f]{32}(-journal)?")
    for path in file.parent.iterdir():
        if pattern.fullmatch(path.name) and time.time() - path.stat().st_mtime > _STALE_AFTER:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary(file: Path) -> Iterator[Path]:
    """A path in the folder of `file`, removed at the end."""
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        yield temporary
    finally:
        for path in (temporary, temporary.with_name(f"{temporary.name}-journal")):
            path.unlink(missing_ok=True)


def _migrate(file: Path) -> None:
    """Let MLflow create its tables and its experiment "Default".

    The artifact root is a placeholder: MLflow formats it into a statement of SQL, which some names of folders break.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(file), "file:///artifacts").engine.dispose()
