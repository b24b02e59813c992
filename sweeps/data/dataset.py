"""The data that a sweep trains on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from search_spaces.data_spec import DataSpec

T = TypeVar("T")
Array = npt.NDArray[Any]
Inputs = Array | dict[str, Array]
Nested = Any
"""An array, or several in a list or a dictionary."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a dataset: `x`, `y` and `sample_weight` as `model.fit` takes them.

    A registered dataset or a file has one array `y` and `sample_weight` float32 (n,). Python code may give several
    targets and sample weights, in a list or a dictionary, for a model with several outputs.
    """

    x: Inputs
    y: Nested
    sample_weight: Nested = None

    def __len__(self) -> int:
        return len(next(iter(self.targets.values())))

    @property
    def columns(self) -> dict[str, Array]:
        """The input arrays by name; a single array has the name ""."""
        return by_name(self.x)

    @property
    def targets(self) -> dict[str, Array]:
        """The target arrays by name or list index; a single array has the name ""."""
        return by_name(self.y)

    def map(self, function: Callable[[Array], Array]) -> Part:
        """A part with `function(array)` in place of each array."""
        return Part(*(_map_arrays(function, arrays) for arrays in (self.x, self.y, self.sample_weight)))


def by_name(arrays: Nested) -> dict[str, Array]:
    """The arrays by their key or list index; a single array has the name ""."""
    if isinstance(arrays, dict):
        return arrays
    return {str(index): array for index, array in enumerate(arrays)} if isinstance(arrays, list) else {"": arrays}


def _map_arrays(function: Callable[[Array], Array], arrays: Nested) -> Nested:
    if isinstance(arrays, dict):
        return {name: function(array) for name, array in arrays.items()}
    if isinstance(arrays, list):
        return [function(array) for array in arrays]
    return None if arrays is None else function(arrays)


def map_inputs(function: Callable[[str, Array], T], label: str, x: Inputs) -> T | dict[str, T]:
    """`function(label, array)` of an input array, or of each column, which is labelled ``label['COLUMN']``."""
    if isinstance(x, dict):
        return {name: function(f"{label}[{name!r}]", column) for name, column in x.items()}
    return function(label, x)


@dataclass(frozen=True, eq=False)
class RawDataset:
    """Arrays as they were read, before they are checked, encoded, split and described.

    Attributes:
        train: the training rows, or all rows when `whole`.
        validation, test: None where the source has none.
        whole: validation and test rows are still to be split off `train`. Otherwise only validation rows may be:
            a source with separate training rows has its test rows elsewhere.
        labels: the class names where the source knows them; class i of `y` is ``labels[i]``.
        features: the names of a table's columns.
        notes: what became of the columns that are not used as they stand, a line each.
        reading: how a table of new rows is read, see `Dataset`.
    """

    train: Part
    validation: Part | None = None
    test: Part | None = None
    whole: bool = False
    labels: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    reading: Mapping[str, Any] | None = None

    @property
    def dates(self) -> tuple[str, ...]:
        """The columns that are dates, as days."""
        return tuple(self.reading["dates"]) if self.reading else ()

    @property
    def parts(self) -> dict[str, Part]:
        """The parts under the names that users know: ``x`` for all rows, or ``x_train``, ``x_valid``, ``x_test``."""
        names = ("x" if self.whole else "x_train", "x_valid", "x_test")
        parts = zip(names, (self.train, self.validation, self.test), strict=True)
        return {name: part for name, part in parts if part is not None}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Arrays to train, validate and (once, at the end) test with. All are read-only, since trials share them.

    Attributes:
        name: of the registered dataset (``digits``), or the stem of the file name.
        train, validation, test: `x` is uint8 or float32 (n, …), or a dictionary of columns (n, 1): float32 with NaN,
            or text with ``""``, for a missing value. `y` is int32 (n,) for sparse and binary targets, float32
            otherwise. Trials never see `test`.
        spec: the description for search spaces.
        digest: 32 hexadecimal digits, equal for equal data.
        features: a table's column names.
        as_given: values, shapes and dtypes are as they were given, for the user's own model; the dtypes above do not
            apply.
        encoded: if `as_given`, the same data with class indices as the target, where the target may be classes.
        form: if `as_given`, the form of the target: "given", class "indices" or one-hot "columns".
        task: what the target is taken for, and why, in a line; "" for several targets.
        warnings: what is unusual about the data but no error.
        reading: how a table of new rows is read where it leaves that open, as JSON values: the ``decimal`` mark, and
            ``dates``, column -> format, "" for one that Arrow knows, and how a ``csv`` file was said to be written (the
            arguments of `CsvFormat`); None: it leaves nothing open.
    """

    name: str
    train: Part
    validation: Part
    test: Part | None
    spec: DataSpec
    digest: str
    features: tuple[str, ...] | None = None
    as_given: bool = False
    encoded: Dataset | None = None
    form: str = "given"
    task: str = ""
    warnings: tuple[str, ...] = ()
    reading: Mapping[str, Any] | None = None

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """Shape (without the batch axis) and dtype of each input by name, as JSON values; a single input is ""."""
        specs = self.spec.inputs if isinstance(self.spec.inputs, Mapping) else {"": self.spec.inputs}
        return {name: {"shape": list(spec.shape), "dtype": spec.dtype} for name, spec in specs.items()}

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The class names in the order of their indices; None for regression."""
        return self.spec.labels

    @property
    def parts(self) -> tuple[Part, ...]:
        """Training, validation and, where there are some, test rows."""
        return (self.train, self.validation) if self.test is None else (self.train, self.validation, self.test)

    def with_parts(self, train: Part, validation: Part, test: Part | None = None) -> Dataset:
        """A copy with other rows."""
        return replace(self, train=train, validation=validation, test=test)

    def with_targets(self, function: Callable[[Array], Array]) -> Dataset:
        """A copy with `function(y)` in place of each part's single target array."""
        return self.with_parts(*(replace(part, y=read_only(function(part.y))) for part in self.parts))

    def one_hot(self) -> Dataset:
        """A copy with one-hot columns, float32 (n, classes), in place of class indices."""
        table = np.eye(len(self.labels or ()), dtype=np.float32)
        spec = replace(self.spec, target="one_hot", n_outputs=len(table))
        return replace(self.with_targets(lambda y: table[y.reshape(-1)]), spec=spec, form="columns")

    def in_form(self, form: str) -> Dataset:
        """A copy with the target in one of the forms that the attribute `form` lists."""
        if form == "columns" and self.encoded is None and self.spec.target == "sparse":
            return self.one_hot()  # of a registered space with additional metrics
        if form == "given" or self.encoded is None:
            return self
        return self.encoded if form == "indices" else self.encoded.one_hot()


def read_only(array: Array) -> Array:
    """A contiguous, read-only view: ``x /= 255`` in one trial must not reach the next."""
    array = np.ascontiguousarray(array).view()
    array.flags.writeable = False
    return array


@lru_cache(maxsize=2)
def with_columns(data: Dataset) -> Dataset:
    """A copy with the target as columns (n, outputs), as metrics such as F1 need it; class indices become one-hot.

    Computed once per process.
    """
    if data.spec.target == "sparse":
        return data.one_hot()
    return data.with_targets(lambda y: y if y.ndim > 1 else y[:, np.newaxis])


def not_plain(dataset: Dataset) -> str | None:
    """Which columns hold text or miss values, and what to do where a model does not preprocess them; None: there are
    only complete numbers."""
    parts = dataset.parts
    rows = sum(map(len, parts))
    found = []
    for column, values in dataset.train.columns.items():
        if values.dtype.kind == "U":
            found.append(f"column {column!r} holds text ({len(np.unique(values))} different)")
        elif values.dtype.kind == "f" and (missing := sum(int(np.isnan(part.columns[column]).sum()) for part in parts)):
            found.append(f"column {column!r} misses {missing} of {rows} values")
    if not found:
        return None
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return (
        f"dataset {dataset.name!r}: {'; '.join(found[:3])}{more}; for a model that takes complete numbers only, fill, "
        "convert or --drop such columns"
    )
