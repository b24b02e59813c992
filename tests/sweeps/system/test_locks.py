"""Locks on files and folders, which one holder at a time has."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.system.locks import exclusive, exclusive_if_free


@pytest.mark.parametrize("name", ["file", ""])
def test_a_lock_on_a_file_or_a_folder_is_free_once_its_holder_is_done(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with exclusive_if_free(path) as first, exclusive_if_free(path) as second:
        assert (first, second) == (True, False)
    with exclusive(path), exclusive_if_free(path) as meanwhile:
        assert not meanwhile
    with exclusive_if_free(path) as later:
        assert later
