"""Datasets: by name, from a file or from arrays; split, encoded and described for a search space."""

from sweeps.data.dataset import Array, Dataset, Part, require_plain, with_columns
from sweeps.data.load import from_arrays, load
from sweeps.data.npz import read_array, read_arrays
from sweeps.data.registry import DATASETS
from sweeps.data.rows import as_dtype, read_columns, read_rows
from sweeps.data.source import TASKS, DataSource

__all__ = [
    "DATASETS",
    "TASKS",
    "Array",
    "DataSource",
    "Dataset",
    "Part",
    "as_dtype",
    "from_arrays",
    "load",
    "read_array",
    "read_arrays",
    "read_columns",
    "read_rows",
    "require_plain",
    "with_columns",
]
