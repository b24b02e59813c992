"""Datasets: by name or by file, split, encoded and described for a search space."""

from sweeps.data.dataset import Dataset, Part, require_plain
from sweeps.data.load import from_arrays, load
from sweeps.data.registry import DATASETS
from sweeps.data.rows import read_rows
from sweeps.data.source import TASKS, DataSource

__all__ = ["DATASETS", "TASKS", "DataSource", "Dataset", "Part", "from_arrays", "load", "read_rows", "require_plain"]
