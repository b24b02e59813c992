"""What a sweep trains on, once it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces.data_spec import DataSpec
from sweeps.errors import InputError

Array = npt.NDArray[Any]
Inputs = Array | dict[str, Array]
Nested = Any
"""An array, or several in a list or a dictionary."""


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of a dataset: `x` and `y` as `model.fit` takes them; `sample_weight` float32 (n,).

    Of data by name `y` is one array. A program may give several, in a list or a dictionary, for a model of as many
    outputs, and so its sample weights.
    """

    x: Inputs
    y: Nested
    sample_weight: Nested = None

    def __len__(self) -> int:
        return len(next(iter(self.targets.values())))

    @property
    def columns(self) -> dict[str, Array]:
        """The input arrays by name; an only one has no name."""
        return by_name(self.x)

    @property
    def targets(self) -> dict[str, Array]:
        """The target arrays by name or place; an only one has no name."""
        return by_name(self.y)

    def map(self, function: Callable[[Array], Array]) -> Part:
        """The part of which each array is what `function` makes of it."""
        return Part(*(_mapped(function, arrays) for arrays in (self.x, self.y, self.sample_weight)))


def by_name(arrays: Nested) -> dict[str, Array]:
    """The arrays by their key, or their place in a list; an only one has no name."""
    if isinstance(arrays, dict):
        return arrays
    return {str(place): array for place, array in enumerate(arrays)} if isinstance(arrays, list) else {"": arrays}


def _mapped(function: Callable[[Array], Array], arrays: Nested) -> Nested:
    if arrays is None:
        return None
    mapped = {name: function(array) for name, array in by_name(arrays).items()}
    return mapped if isinstance(arrays, dict) else list(mapped.values()) if isinstance(arrays, list) else mapped[""]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Arrays to train, validate and (once, at the end) test with. All are read-only: trials share them.

    Attributes:
        name: ``digits``, or the stem of a file's name.
        train, validation, test: `x` is an array (n, …), uint8 where the data came so and float32 otherwise,
            or a dictionary of columns (n, 1), float32 with NaN or text with ``""`` where a value is missing.
            `y` is int32 (n,) for sparse and binary targets, float32 otherwise. No trial sees `test`.
        spec: what a search space is told.
        digest: 32 hexadecimal digits that are equal when all of the above is equal.
        features: the columns' names, for a table.
        given: values, shapes and dtypes are as they were given, for a model of a person's own; not as said above.
        encoded: of such, the same with the target as class indices, where it may be classes.
        form: of such, whether the target is "given", or encoded as "indices" or "columns".
        warnings: what is odd about it but no reason to stop.
    """

    name: str
    train: Part
    validation: Part
    test: Part | None
    spec: DataSpec
    digest: str
    features: tuple[str, ...] | None = None
    given: bool = False
    encoded: Dataset | None = None
    form: str = "given"
    warnings: tuple[str, ...] = ()

    @property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """The shape (without rows) and dtype of each input by its name, "" for an only one: plain values."""
        specs = self.spec.inputs if isinstance(self.spec.inputs, Mapping) else {"": self.spec.inputs}
        return {name: {"shape": list(spec.shape), "dtype": spec.dtype} for name, spec in specs.items()}

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The classes' names in the order of their indices; None for regression."""
        return self.spec.labels

    def one_hot(self) -> Dataset:
        """The same with class indices as columns, float32 (n, classes)."""
        table = np.eye(len(self.labels or ()), dtype=np.float32)

        def columns(part: Part) -> Part:
            return replace(part, y=read_only(table[part.y.reshape(-1)]))

        spec = replace(self.spec, target="one_hot", n_outputs=len(table))
        return replace(self.with_parts(*map(columns, self.parts)), spec=spec, form="columns")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Those that there are: training, validation and, where it is kept, test rows."""
        return (self.train, self.validation) if self.test is None else (self.train, self.validation, self.test)

    def with_parts(self, train: Part, validation: Part, test: Part | None = None) -> Dataset:
        """The same with other rows."""
        return replace(self, train=train, validation=validation, test=test)

    def in_form(self, form: str) -> Dataset:
        """The same with its target in one of the forms that `form` lists."""
        if form == "given" or self.encoded is None:
            return self
        return self.encoded if form == "indices" else self.encoded.one_hot()


def read_only(array: Array) -> Array:
    """One trial's ``x /= 255`` must not reach the next."""
    array = np.ascontiguousarray(array).view()
    array.flags.writeable = False
    return array


@lru_cache(maxsize=2)
def with_columns(data: Dataset) -> Dataset:
    """The same with the target as columns, (n, outputs), once a process: class indices as one-hot, float32, all else as
    it is. Metrics such as F1 take nothing else."""
    if data.spec.target == "sparse":
        return data.one_hot()

    def columns(part: Part) -> Part:
        return part if part.y.ndim > 1 else replace(part, y=read_only(part.y[:, np.newaxis]))

    return data.with_parts(*map(columns, data.parts))


def require_plain(dataset: Dataset) -> None:
    """Let through only what a search space without preprocessing for missing values and text can take.

    Raises:
        InputError: some columns hold text or miss values: which, how many, and what to do.
    """
    parts = dataset.parts
    rows = sum(map(len, parts))
    problems = []
    for column, values in dataset.train.columns.items():
        if values.dtype.kind == "U":
            problems.append(f"column {column!r} holds text ({len(np.unique(values))} different)")
        elif missing := sum(int(np.isnan(part.columns[column]).sum()) for part in parts):
            problems.append(f"column {column!r} misses {missing} of {rows} values")
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise InputError(
            f"dataset {dataset.name!r}: the search space takes complete numbers only, but "
            f"{'; '.join(problems[:3])}{more}.\n"
            "Fill or drop missing values, make text numbers or drop it, or choose a space that takes both."
        )
