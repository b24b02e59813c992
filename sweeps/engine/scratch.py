"""Dask's folder of temporary files, where workers find data that a program has in memory.

A file, since a worker that dies takes what it was sent by Dask with it: the next one could not go on.
"""

from __future__ import annotations

import contextlib
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import dask
from distributed.diskutils import WorkSpace

from sweeps.data import Dataset
from sweeps.errors import MachineFault, machine_fault


@dataclass(frozen=True)
class DataFile:
    """A dataset as a file for workers.

    Attributes:
        path: absolute; of one dataset only.
    """

    path: str

    def open(self) -> Dataset:
        """The dataset; the same object for all trials of a process."""
        return _open(self.path)


@lru_cache(maxsize=1)
def _open(path: str) -> Dataset:
    with Path(path).open("rb") as file:
        data: Dataset = pickle.load(file)  # of this user's own process
    return data


def forget_data() -> None:
    """Free the memory of a dataset that was opened."""
    _open.cache_clear()


@contextlib.contextmanager
def data_file(data: Dataset | None) -> Iterator[DataFile | None]:
    """A dataset as a file while the block runs; None for None. What a killed process leaves, the next sweep removes.

    Raises:
        MachineFault: it cannot be written.
    """
    if data is None:
        yield None
        return
    folder = _work_space().new_work_dir(prefix="sweeps-data-")
    try:
        path = Path(folder.dir_path) / "data.pickle"
        try:
            with path.open("wb") as file:
                pickle.dump(data, file, protocol=5)
        except OSError as error:
            raise MachineFault(f"the data cannot be written for the workers: {machine_fault(error) or error}") from None
        yield DataFile(str(path))
    finally:
        folder.release()


def clear_away() -> None:
    """Remove what killed processes have left, as Dask itself does when the next cluster starts."""
    if _folder().is_dir():
        _work_space().new_work_dir(prefix="none-").release()


def _folder() -> Path:
    return Path(dask.config.get("temporary-directory") or tempfile.gettempdir()) / "dask-scratch-space"


def _work_space() -> WorkSpace:
    return WorkSpace(str(_folder()))
