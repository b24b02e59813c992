"""The data for the peers: the rows that this project's workers load, in memory."""

from __future__ import annotations

from benchmarks.records import Job
from sweeps.data import DataSource, load
from sweeps.data.dataset import Array

Arrays = tuple[Array, Array, Array, Array]


def arrays(job: Job) -> Arrays:
    """`x` and `y` for training, `x` and `y` for validation: uint8 (n, 28, 28) and int32 (n,).

    Raises:
        sweeps.errors.InputError: the dataset cannot be read.
    """
    data = load(DataSource(job.dataset))
    assert not isinstance(data.train.x, dict)
    assert not isinstance(data.validation.x, dict)
    return data.train.x, data.train.y, data.validation.x, data.validation.y
