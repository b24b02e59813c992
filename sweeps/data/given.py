"""A dataset for a model of a person's own: values, shapes and dtypes stay as they were given.

The target is encoded beside that: for the stratified split, for the classes' names, and for losses over classes that
cannot take it as it is (`sweeps.data.own_target`). Only text is always encoded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search_spaces.data_spec import DataSpec, InputSpec
from sweeps.data.checks import absent_classes, check_alike, joined
from sweeps.data.dataset import Array, Dataset, Inputs, Part, read_only
from sweeps.data.digest import digest_as_trained
from sweeps.data.raw import Raw
from sweeps.data.source import DataSource
from sweeps.data.splits import with_validation
from sweeps.data.targets import Encoded, encode
from sweeps.data.weights import check_some_weigh, checked_weights
from sweeps.errors import InputError


def assemble_given(raw: Raw, source: DataSource) -> Dataset:
    """A dataset of what a reader brought, as it brought it.

    Raises:
        InputError: something is no array of text or numbers, text that cannot be a target, or too few rows to split.
    """
    names = ("x" if raw.whole else "x_train", "x_valid", "x_test")
    given = zip(names, (raw.train, raw.validation, raw.test), strict=True)
    parts = {
        name: Part(_checked_inputs(name, part.x), _checked_target(part.y), checked_weights(name, part, as_given=True))
        for name, part in given
        if part is not None
    }
    check_alike(parts, any_number=True)
    # a Series is a column, (n, 1), an array beside it may be (n,)
    flat = [part.y[:, 0] if part.y.ndim == 2 and part.y.shape[1] == 1 else part.y for part in parts.values()]
    target = _encoded(joined(flat), source.task, raw.labels)
    # both targets go through the split together
    codes = _codes(parts, target)
    both = {name: replace(part, y=[part.y, *codes.get(name, ())]) for name, part in parts.items()}
    rows, needed = len(raw.train), 3 if raw.whole and source.test_fraction else 2
    classes = None if target is None else _enough_each(target.classes(), rows, needed)
    labels = () if classes is None else tuple(map(str, range(int(classes.max()) + 1)))
    divided = with_validation([both.get(name) for name in names], raw.whole, classes, labels, source)
    return _described(divided, target, raw, source)


def _checked_inputs(name: str, x: Inputs) -> Inputs:
    if isinstance(x, dict):
        return {column: _checked(f"{name}[{column!r}]", values) for column, values in x.items()}
    return _checked(name, x)


def _checked(name: str, x: Array) -> Array:
    if x.ndim == 0 or 0 in x.shape:
        raise InputError(f"{name}: an axis of rows is needed, and none empty, got shape {x.shape}")
    if x.dtype.kind not in "biufUS":
        raise InputError(f"{name}: numbers or text are needed, got dtype {x.dtype}")
    return _decoded(name, x)


def _checked_target(y: Array) -> Array:
    if y.dtype.kind not in "biufUS":
        raise InputError(f"target: text, booleans or numbers are needed, got dtype {y.dtype}")
    return _decoded("target", y)


def _decoded(name: str, array: Array) -> Array:
    if array.dtype.kind != "S":
        return array
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as wrong:
        raise InputError(f"{name}: text in UTF-8 is needed: {wrong}") from None


def _encoded(y: Array, task: str | None, labels: tuple[str, ...] | None) -> Encoded | None:
    """What the values say; None where they say nothing that a registered space could learn.

    Raises:
        InputError: they do not bear the task that was asked for, or are text of one class.
    """
    try:
        return encode(y, task, labels)
    except InputError:
        if task is not None or y.dtype.kind == "U":
            raise
        return None


def _codes(parts: dict[str, Part], target: Encoded | None) -> dict[str, list[Array]]:
    """Class indices in the shape of each part's target, where it may be classes."""
    if target is None or target.kind not in ("sparse", "binary"):
        return {}
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    pieces = zip(parts.items(), np.split(target.y, ends), strict=True)
    return {name: [indices.reshape(part.y.shape)] for (name, part), indices in pieces}


def _enough_each(classes: Array | None, rows: int, needed: int) -> Array | None:
    """The training rows' classes for the split; those of fewer rows than needed are taken together, since whether they
    are classes only the model tells."""
    if classes is None:
        return None
    classes = classes[:rows]
    _, indices, counts = np.unique(classes, return_inverse=True, return_counts=True)
    rare = counts < needed
    if not rare.any():
        return classes
    together = np.where(rare, -1, np.arange(len(counts)))
    if counts[rare].sum() < needed:
        together[rare] = np.argmax(counts)
    numbered: Array = np.unique(together[indices], return_inverse=True)[1]
    return numbered if numbered.any() else None


def _described(
    divided: tuple[Part, Part, Part | None], target: Encoded | None, raw: Raw, source: DataSource
) -> Dataset:
    is_text = divided[0].y[0].dtype.kind == "U"
    parts = [_with_target(part, 1 if is_text else 0) for part in divided if part is not None]
    train, validation, *test = parts
    check_some_weigh(train, validation)
    found = target or Encoded(train.y, "regression", 1, None)
    spec = DataSpec(_inputs(train.x), found.kind, found.n_outputs, found.labels)
    names = (*(raw.features or ()), "labels", *(found.labels or ()))
    odd = (*_gaps_in_inputs(train), *_gaps_in_target(train))
    kept = test[0] if test else None
    data = Dataset(source.short_name, train, validation, kept, spec, "", raw.features, given=True, warnings=odd)
    if len(divided[0].y) == 1:
        return replace(data, digest=digest_as_trained((train, validation, kept), names))
    coded = [_with_target(part, 1) for part in divided if part is not None]
    is_same = all(np.array_equal(one.y, other.y) for one, other in zip(parts, coded, strict=True))
    encoded = data.with_parts(*coded)
    # of equal values the type makes no difference to a model: a study knows its data again
    shown = encoded if is_same else data
    data = replace(data, digest=digest_as_trained((shown.train, shown.validation, shown.test), names))
    said = _absent(encoded)
    return replace(data, encoded=replace(encoded, digest=data.digest, form="indices", warnings=said))


def _with_target(part: Part, which: int) -> Part:
    return replace(part, y=part.y[which]).map(read_only)


def _absent(encoded: Dataset) -> tuple[str, ...]:
    """Classes that are not trained, or not validated."""
    found = {
        where: absent_classes(part.y.reshape(-1), encoded.labels or ())
        for where, part in (("training", encoded.train), ("validation", encoded.validation))
    }
    return tuple(f"no row of the {where} data has the class {some}" for where, some in found.items() if some)


def _inputs(x: Inputs) -> InputSpec | dict[str, InputSpec]:
    """Shapes and dtypes; a model of a person's own is told nothing else."""
    if isinstance(x, dict):
        return {name: _input(column) for name, column in x.items()}
    return _input(x)


def _input(x: Array) -> InputSpec:
    return InputSpec(tuple(x.shape[1:]), "string" if x.dtype.kind == "U" else x.dtype.name)


def _gaps_in_inputs(train: Part) -> tuple[str, ...]:
    """In a table's columns gaps are usual."""
    missing = 0 if isinstance(train.x, dict) else _missing(train.x)
    return (f"{missing} of {train.x.size} numbers of x_train are NaN or infinite",) if missing else ()  # type: ignore[union-attr]


def _gaps_in_target(train: Part) -> tuple[str, ...]:
    missing = _missing(train.y)
    return (f"{missing} of {train.y.size} training targets are NaN or infinite",) if missing else ()


def _missing(array: Array) -> int:
    return int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
