"""Calls to a store that nobody waits for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracking import RunWriter, open_store
from tracking.errors import Refused, Unwritable


def test_a_full_disk_is_seen_after_a_request_that_was_refused(tmp_path: Path) -> None:
    writer = RunWriter(open_store(f"sqlite:///{tmp_path / 'mlflow.db'}", "houses", tmp_path.as_uri()), at_once=True)

    def fail(error: Exception) -> None:
        raise error

    for error in (Refused("no such run"), Unwritable("disk full")):
        with pytest.raises(type(error)):
            writer.submit(fail, error).result()
    assert isinstance(writer.error, Unwritable)
