"""What the tests of the datasets share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sweeps.data import DataSource, load
from sweeps.errors import InputError

Refused = Callable[..., str]
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _a_process_that_has_loaded_nothing() -> None:
    load.cache_clear()


@pytest.fixture
def refused() -> Refused:
    """Loads a source, wants it refused in one or two lines that hold all `words`, and returns these lines."""

    def check(source: DataSource, *words: str) -> str:
        with pytest.raises(InputError) as caught:
            load(source)
        message = str(caught.value)
        assert message.count("\n") <= 1, message
        for word in words:
            assert word in message, message
        return message

    return check


@pytest.fixture
def npz(tmp_path: Path) -> Write:
    """Writes arrays to an .npz file; `pickled=True` lets objects in."""

    def write(pickled: bool = False, **arrays: object) -> Path:
        path = tmp_path / "data.npz"
        np.savez(path, allow_pickle=pickled, **arrays)  # type: ignore[arg-type]
        return path

    return write


@pytest.fixture
def csv(tmp_path: Path) -> Write:
    """Writes text or bytes to a .csv file."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
