"""Datasets: by name, from a file or from arrays; split, encoded and described for a search space."""

from sweeps.data.csv_format import CsvFormat
from sweeps.data.dataset import Array, Dataset, Part, not_plain, with_columns
from sweeps.data.leakage import leaks
from sweeps.data.load import from_arrays, from_frame, load
from sweeps.data.npz import read_array, read_arrays
from sweeps.data.profile import TableProfile, profile
from sweeps.data.registry import DATASETS
from sweeps.data.rows import Rows, as_dtype, first_rows, read_rows
from sweeps.data.source import TASKS, DataSource
from sweeps.data.splits import MOST_BYTES, bytes_of_folds, check_folds, folds, has_few_rows
from sweeps.data.tables import is_frame

__all__ = [
    "DATASETS",
    "MOST_BYTES",
    "TASKS",
    "Array",
    "CsvFormat",
    "DataSource",
    "Dataset",
    "Part",
    "Rows",
    "TableProfile",
    "as_dtype",
    "bytes_of_folds",
    "check_folds",
    "first_rows",
    "folds",
    "from_arrays",
    "from_frame",
    "has_few_rows",
    "is_frame",
    "leaks",
    "load",
    "not_plain",
    "profile",
    "read_array",
    "read_arrays",
    "read_rows",
    "with_columns",
]
