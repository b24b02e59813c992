"""From a source to a dataset: read, check, encode the target, split, describe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from search_spaces.data_spec import DataSpec
from sweeps.data.checks import check_alike, check_classes, joined, many_classes
from sweeps.data.columns import from_table
from sweeps.data.dataset import Dataset, Part, read_only
from sweeps.data.digest import digest
from sweeps.data.given import assemble_given
from sweeps.data.inputs import as_part, check_inputs, describe, moments
from sweeps.data.npz import read_npz
from sweeps.data.raw import Raw
from sweeps.data.registry import DATASETS
from sweeps.data.source import DataSource
from sweeps.data.splits import with_validation
from sweeps.data.tables import read_csv, read_parquet
from sweeps.data.targets import Encoded, encode
from sweeps.data.weights import check_some_weigh, checked_weights
from sweeps.errors import InputError, unknown


def _table(table: pa.Table, source: DataSource) -> Raw:
    return from_table(table, source.target, source.weight_column, source.as_given)


_READERS: dict[str, Callable[[Path, DataSource], Raw]] = {
    ".csv": lambda path, source: _table(read_csv(path), source),
    ".parquet": lambda path, source: _table(read_parquet(path), source),
    ".npz": lambda path, source: read_npz(path),
}


@lru_cache(maxsize=2)
def load(source: DataSource) -> Dataset:
    """The dataset, read once a process: every later call with an equal source returns the same object.

    Raises:
        InputError: an unknown dataset, or a file that cannot be read, is malformed, or whose values are no
            data to train and validate a model with. The message names the dataset.
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
    """A dataset of arrays in memory; without `validation`, that and (unless given) a test set are split off.

    Args:
        x: (n, …) numbers, or a dictionary of such; whatever becomes an array will do.
        y: (n,) or (n, k) numbers or text.
        source: the dataset's name, and the seed and fractions of the split; a `test_fraction` of 0 splits
            off no test set. With `as_given`, x and y may be whatever `model.fit` takes.
        validation: `x` and `y` as above, and sample weights where there are some.
        test: likewise.
        sample_weight: (n,) numbers of at least 0.

    Raises:
        InputError: as `load`.
    """
    try:
        raw = Raw(
            as_part("data", x, y, sample_weight),
            as_part("validation_data", *validation) if validation else None,
            test,
            whole=validation is None and test is None,
        )
        return assemble(raw, source)
    except InputError as error:
        raise InputError(f"dataset {source.name!r}: {error}") from None


def assemble(raw: Raw, source: DataSource) -> Dataset:
    """A dataset of what a reader brought.

    Raises:
        InputError: a target, inputs or a split that no model can be trained and validated with.
    """
    if source.as_given:
        return assemble_given(raw, source)
    names = ("x" if raw.whole else "x_train", "x_valid", "x_test")
    given = zip(names, (raw.train, raw.validation, raw.test), strict=True)
    parts = {
        name: Part(check_inputs(name, part.x), part.y, checked_weights(name, part))
        for name, part in given
        if part is not None
    }
    check_alike(parts)
    target = encode(joined([part.y for part in parts.values()]), source.task, raw.labels)
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    ys = dict(zip(parts, np.split(target.y, ends), strict=True))
    encoded = [replace(parts[name], y=ys[name]) if name in parts else None for name in names]
    classes = target.classes()
    if classes is not None:
        classes = classes[: len(raw.train)]  # the training rows are the first
    divided = with_validation(encoded, raw.whole, classes, target.labels or (), source)
    return _described(divided, target, raw, source)


def _described(parts: tuple[Part, Part, Part | None], target: Encoded, raw: Raw, source: DataSource) -> Dataset:
    train, validation, test = (None if part is None else part.map(read_only) for part in parts)
    assert train is not None
    assert validation is not None
    check_classes(train, validation, target)
    check_some_weigh(train, validation)
    scale = moments(train.y) if target.kind == "regression" else (None, None)
    spec = DataSpec(describe(train.x), target.kind, target.n_outputs, target.labels, *scale)
    names = (*(raw.features or ()), "labels", *(target.labels or ()))
    fingerprint = digest((train, validation, test), names)
    said = () if source.task or raw.labels else many_classes(raw.train, target)
    return Dataset(source.short_name, train, validation, test, spec, fingerprint, raw.features, warnings=said)


def _reader(source: DataSource) -> Callable[[], Raw]:
    """What reads the source; nothing is opened yet."""
    path = source.path
    if path is None and source.name not in DATASETS:
        raise InputError(f"{unknown('dataset', source.name, DATASETS)}, or the path of a .csv, .parquet or .npz file")
    suffix = path.suffix.lower() if path else ""
    if path is not None and suffix not in _READERS:
        raise InputError(f"dataset {source.name!r}: a .csv, .parquet or .npz file is needed, got {suffix!r}")
    for option, what, column in (
        ("target", "a target column", source.target),
        ("weight_column", "a column of weights", source.weight_column),
    ):
        if column is not None and suffix not in (".csv", ".parquet"):
            raise InputError(f"{option}: only .csv and .parquet have {what}, got {column!r} for {source.name!r}")
    return DATASETS[source.name] if path is None else lambda: _READERS[suffix](path, source)
