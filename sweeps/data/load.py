"""From a source to a dataset: read, check, encode the target, split, describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from search_spaces.data_spec import DataSpec
from sweeps.data.as_given import assemble_as_given
from sweeps.data.checks import (
    check_classes,
    check_same_layout,
    joined_targets,
    rare_class_warning,
    split_target,
)
from sweeps.data.columns import from_table
from sweeps.data.csv_format import UNKNOWN
from sweeps.data.dataset import Dataset, Part, RawDataset, read_only
from sweeps.data.digest import digest
from sweeps.data.inputs import as_part, check_inputs, describe, moments
from sweeps.data.npz import read_npz
from sweeps.data.registry import DATASETS
from sweeps.data.source import DataSource
from sweeps.data.splits import with_validation
from sweeps.data.tables import Table, read_csv, read_parquet, stacked, table_of
from sweeps.data.targets import encode
from sweeps.data.task import task_of
from sweeps.data.weights import check_not_all_zero, checked_weights
from sweeps.errors import InputError, unknown

_READERS: dict[str, Callable[[Path, DataSource], RawDataset]] = {
    ".csv": lambda path, source: from_table(read_csv(path, form=source.csv), source),
    ".parquet": lambda path, source: from_table(Table(read_parquet(path)), source),
    ".npz": lambda path, source: read_npz(path),
}


@lru_cache(maxsize=2)
def load(source: DataSource) -> Dataset:
    """Load a dataset, once per process: a later call with an equal source returns the same object.

    Raises:
        InputError: the dataset is unknown, or its file cannot be read, is malformed, or holds values that no model
            can be trained and validated with. The message names the dataset.
    """
    read = _reader(source)
    try:
        return assemble(read(), source)
    except InputError as error:
        raise InputError(f"dataset {source.name!r}: {error}") from None
    except (OSError, MemoryError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or (str(error) or "out of memory").splitlines()[0]
        raise InputError(f"dataset {source.name!r} cannot be read: {reason}") from None


def from_arrays(
    x: Any,
    y: Any,
    source: DataSource,
    validation: tuple[Any, ...] | None = None,
    test: Part | None = None,
    sample_weight: Any = None,
) -> Dataset:
    """Make a dataset from arrays in memory.

    Args:
        x: numbers (n, …), or a dictionary of columns; anything that NumPy converts to an array.
        y: (n,) or (n, k) numbers or text.
        source: the dataset's name, and the seed and fractions of the split. With `as_given`, x and y may be whatever
            `model.fit` takes.
        validation: `x`, `y` and optionally sample weights. None: split off, as are the test rows where none are
            given and `test_fraction` is above 0.
        test: the test rows.
        sample_weight: (n,) numbers of at least 0.

    Raises:
        InputError: see `load`.
    """
    try:
        raw = RawDataset(
            as_part("data", x, y, sample_weight),
            as_part("validation_data", *validation) if validation else None,
            test,
            whole=validation is None and test is None,
        )
        return assemble(raw, source)
    except InputError as error:
        raise InputError(f"dataset {source.name!r}: {error}") from None


def from_frame(frame: Any, source: DataSource, validation: Any = None) -> Dataset:
    """Make a dataset from a data frame of pandas (or what Arrow reads as a table), as from a file with these columns.

    Args:
        validation: another one with the validation rows; None: they are split off, and so are test rows.

    Raises:
        InputError: see `load`.
    """
    try:
        table = table_of(frame)
        if validation is None:
            return assemble(from_table(table, source), source)
        # what becomes of a column is decided for both at once
        other = table_of(validation)
        return assemble(from_table(stacked(table, other), source, other.data.num_rows), source)
    except InputError as error:
        raise InputError(f"dataset {source.name!r}: {error}") from None


def assemble(raw: RawDataset, source: DataSource) -> Dataset:
    """Check, encode, split and describe what was read.

    Raises:
        InputError: the inputs, the target or the split do not allow training and validation.
    """
    if source.as_given:
        return assemble_as_given(raw, source)
    parts = {
        name: Part(check_inputs(name, part.x), part.y, checked_weights(name, part)) for name, part in raw.parts.items()
    }
    check_same_layout(parts)
    given = joined_targets([part.y for part in parts.values()])
    target = encode(given, source.task, raw.labels)
    encoded = {name: replace(parts[name], y=y) for name, y in split_target(target.y, parts).items()}
    classes = target.classes()
    if classes is not None:
        classes = classes[: len(raw.train)]  # the training rows are the first
    divided = with_validation(encoded, classes, target.labels or (), source)
    train, validation, test = (None if part is None else part.map(read_only) for part in divided)
    assert train is not None
    assert validation is not None
    check_classes(train, validation, target)
    check_not_all_zero(train, validation)
    scale = moments(train.y) if target.kind == "regression" else (None, None)
    spec = DataSpec(describe(train.x, raw.dates), target.kind, target.n_outputs, target.labels, *scale)
    fingerprint = digest((train, validation, test), (*(raw.features or ()), "labels", *(target.labels or ())))
    return Dataset(
        *(source.short_name, train, validation, test, spec, fingerprint, raw.features),
        task=task_of(target, given, source, raw.labels is not None),
        warnings=(*raw.notes, *rare_class_warning(target, len(raw.train))),
        reading=raw.reading,
    )


def _reader(source: DataSource) -> Callable[[], RawDataset]:
    """The function that reads the source; nothing is opened yet."""
    path = source.path
    if path is None and source.name not in DATASETS:
        raise InputError(f"{unknown('dataset', source.name, DATASETS)}, or the path of a .csv, .parquet or .npz file")
    suffix = path.suffix.lower() if path else ""
    if path is not None and suffix not in _READERS:
        raise InputError(f"dataset {source.name!r}: a .csv, .parquet or .npz file is needed, got {suffix!r}")
    for option, what, column in (
        ("target", "a target column", source.target),
        ("weight_column", "a column of weights", source.weight_column),
        ("drop", "columns to leave out", source.drop or None),
        ("columns", "columns to keep", source.columns or None),
    ):
        if column is not None and suffix not in (".csv", ".parquet"):
            raise InputError(f"{option}: only .csv and .parquet have {what}, got {column!r} for {source.name!r}")
    if source.csv != UNKNOWN and suffix != ".csv":
        raise InputError(f"csv_…: only .csv files are read in another way, got {source.name!r}")
    return DATASETS[source.name] if path is None else lambda: _READERS[suffix](path, source)
