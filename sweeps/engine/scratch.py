"""Dask's folder of temporary files, where workers find data that a program has in memory.

A file, since a worker that dies takes what it was sent by Dask with it: the next one could not go on.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import dask
from distributed.diskutils import WorkSpace
from distributed.utils import silence_logging_cmgr

from sweeps.data import Dataset
from sweeps.errors import MachineFault, machine_fault


@dataclass(frozen=True)
class DataFile:
    """A dataset as a file for workers.

    Attributes:
        path: absolute, of one dataset only; or the SHA-256 by which the driver gives it.
        driver: the address of the driver, for workers that do not share its disk.
    """

    path: str
    driver: str = ""

    def open(self) -> Dataset:
        """The dataset; the same object for all trials of a process."""
        if not self.driver:
            return _open(self.path)
        from sweeps.trial.line import fetched

        data: Dataset = fetched(self.driver, self.path)
        return data


@lru_cache(maxsize=1)
def _open(path: str) -> Dataset:
    with Path(path).open("rb") as file:
        data: Dataset = pickle.load(file)  # of this user's own process
    return data


@contextlib.contextmanager
def data_file(data: Dataset | None) -> Iterator[DataFile | None]:
    """A dataset as a file while the block runs; None for None. What a killed process leaves, the next sweep removes.

    Raises:
        MachineFault: it cannot be written.
    """
    if data is None:
        yield None
        return
    with _work_folder("sweeps-data-") as folder:
        path = folder / "data.pickle"
        try:
            with path.open("wb") as file:
                pickle.dump(data, file, protocol=5)
        except OSError as error:
            raise MachineFault(f"the data cannot be written for the workers: {machine_fault(error) or error}") from None
        yield DataFile(str(path))


def clear_away() -> None:
    """Remove what killed processes have left, as Dask itself does when the next cluster starts."""
    if _folder().is_dir():
        with _work_folder("none-"):
            pass


def _folder() -> Path:
    return Path(dask.config.get("temporary-directory") or tempfile.gettempdir()) / "dask-scratch-space"


@contextlib.contextmanager
def _work_folder(prefix: str) -> Iterator[Path]:
    """A new folder, which is removed at the end of the block."""
    with silence_logging_cmgr(logging.CRITICAL):  # Dask tells what it removes
        folder = WorkSpace(str(_folder())).new_work_dir(prefix=prefix)
    try:
        yield Path(folder.dir_path)
    finally:
        folder.release()
