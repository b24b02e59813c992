"""A new SQLite store as a copy of an empty one, which is made once for each version of MLflow.

MLflow makes an empty store by 67 migrations, one after the other: two seconds for which a sweep's workers would wait.
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
from tracking.moving import begin_at

#: beside the compiled code, which is trusted as much
TEMPLATE = Path(__file__).parent / "__pycache__" / f"empty-{version('mlflow')}.db"

#: seconds after which nobody is at a copy any more
_OLD = 10


def new_store(file: Path, template: Path = TEMPLATE, artifact_root: str | None = None) -> None:
    """Make `file` an empty store. One that is there stays as it is; what a process that was killed at it has left
    beside it goes.

    Where that fails (this package's folder cannot be written, MLflow is another one) there is no file afterwards:
    MLflow makes it then.

    Args:
        template: the empty store to copy; made when it is not there.
        artifact_root: URI of the folder where its artifacts will be; None: MLflow's own place for them.
    """
    with contextlib.suppress(OSError):
        _remove_left(file)
    if file.exists():
        return
    with contextlib.suppress(Exception):  # SQLAlchemy has errors of its own, and MLflow's functions are not public
        if not template.exists():
            template.parent.mkdir(exist_ok=True)
            with _beside(template) as made:
                _migrate(made)
                made.replace(template)
        with _beside(file) as copy:
            shutil.copyfile(template, copy)
            begin_at(copy, artifact_root)
            with copy.open("rb") as content:
                os.fsync(content.fileno())
            file.hardlink_to(copy)  # unlike a renaming this takes no other's place


def _remove_left(file: Path) -> None:
    """A copy takes milliseconds: one that is older is nobody's."""
    named = re.compile(re.escape(f".{file.name}-") + "[0-9a-f]{32}(-journal)?")
    for path in file.parent.iterdir():
        if named.fullmatch(path.name) and time.time() - path.stat().st_mtime > _OLD:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A name in the same folder, of which nothing is left at the end."""
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        yield temporary
    finally:
        for left in (temporary, temporary.with_name(f"{temporary.name}-journal")):
            left.unlink(missing_ok=True)


def _migrate(file: Path) -> None:
    """As MLflow's own store does where it finds no tables.

    With its experiment "Default", which MLflow makes by a statement of SQL that not every folder's name fits into.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(sqlite_uri(file), "file:///artifacts").engine.dispose()
