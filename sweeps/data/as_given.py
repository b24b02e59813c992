"""A dataset for the user's own model: values, shapes and dtypes stay as they were given.

The target is also encoded: for the stratified split, for the class names, and for losses over classes that cannot take
it as it is (`sweeps.data.target_for_loss`). Only text is always encoded.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search_spaces.data_spec import DataSpec, InputSpec
from sweeps.data.checks import absent_classes, check_same_layout, joined_targets, split_target
from sweeps.data.dataset import Array, Dataset, Part, RawDataset, map_inputs, read_only
from sweeps.data.digest import digest_as_trained
from sweeps.data.source import DataSource
from sweeps.data.splits import with_validation
from sweeps.data.targets import EncodedTarget, encode
from sweeps.data.task import task_of
from sweeps.data.weights import check_not_all_zero, checked_weights
from sweeps.errors import InputError


def assemble_as_given(raw: RawDataset, source: DataSource) -> Dataset:
    """Check, split and describe what was read, without conversions.

    Raises:
        InputError: an array is neither text nor numbers, text cannot be a target, or there are too few rows to split.
    """
    parts = {
        name: Part(map_inputs(_check_input, name, part.x), _check_target(part.y), checked_weights(name, part, True))
        for name, part in raw.parts.items()
    }
    check_same_layout(parts, any_number=True)
    # a Series is a column (n, 1), while an array beside it may be (n,)
    flat = [part.y[:, 0] if part.y.ndim == 2 and part.y.shape[1] == 1 else part.y for part in parts.values()]
    given = joined_targets(flat)
    target = _encode(given, source.task, raw.labels)
    # the given and the encoded target go through the split together
    indices = split_target(target.y, parts) if target is not None and target.kind in ("sparse", "binary") else {}
    both = {
        name: replace(part, y=[part.y, indices[name].reshape(part.y.shape)] if indices else [part.y])
        for name, part in parts.items()
    }
    needed = 3 if raw.whole and source.test_fraction else 2
    classes = None if target is None else _merge_rare_classes(target.classes(), len(raw.train), needed)
    labels = () if classes is None else tuple(map(str, range(int(classes.max()) + 1)))
    divided = with_validation(both, classes, labels, source)
    task = "" if target is None else task_of(target, given, source, raw.labels is not None)
    return replace(_describe(divided, target, raw, source), task=task)


def _check_input(label: str, x: Array) -> Array:
    if x.ndim == 0 or 0 in x.shape:
        raise InputError(f"{label}: an axis of rows is needed, and none empty, got shape {x.shape}")
    if x.dtype.kind not in "biufUS":
        raise InputError(f"{label}: numbers or text are needed, got dtype {x.dtype}")
    return _decode(label, x)


def _check_target(y: Array) -> Array:
    if y.dtype.kind not in "biufUS":
        raise InputError(f"target: text, booleans or numbers are needed, got dtype {y.dtype}")
    return _decode("target", y)


def _decode(label: str, array: Array) -> Array:
    if array.dtype.kind != "S":
        return array
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{label}: text in UTF-8 is needed: {error}") from None


def _encode(y: Array, task: str | None, labels: tuple[str, ...] | None) -> EncodedTarget | None:
    """The encoded target; None for values that only the user's own model can learn from.

    Raises:
        InputError: the values do not fit the requested task, or are text of one class.
    """
    try:
        return encode(y, task, labels)
    except InputError:
        if task is not None or y.dtype.kind == "U":
            raise
        return None


def _merge_rare_classes(classes: Array | None, rows: int, needed: int) -> Array | None:
    """The classes of the training rows for the stratified split, int (rows,).

    Classes of fewer than `needed` rows are merged instead of refused: only the model's loss tells whether the values
    are classes.
    """
    if classes is None:
        return None
    classes = classes[:rows]
    _, indices, counts = np.unique(classes, return_inverse=True, return_counts=True)
    rare = counts < needed
    if not rare.any():
        return classes
    merged = np.where(rare, -1, np.arange(len(counts)))
    if counts[rare].sum() < needed:
        merged[rare] = np.argmax(counts)
    numbered: Array = np.unique(merged[indices], return_inverse=True)[1]
    return numbered if numbered.any() else None


def _describe(
    divided: tuple[Part, Part, Part | None], target: EncodedTarget | None, raw: RawDataset, source: DataSource
) -> Dataset:
    """The dataset of parts whose `y` is a list: the given target and, where there are some, class indices."""
    is_text = divided[0].y[0].dtype.kind == "U"
    train, validation, test = (None if part is None else _with_target(part, 1 if is_text else 0) for part in divided)
    assert train is not None
    assert validation is not None
    check_not_all_zero(train, validation)
    found = target or EncodedTarget(train.y, "regression", 1, None)
    spec = DataSpec(map_inputs(_input_spec, "x", train.x), found.kind, found.n_outputs, found.labels)
    data = Dataset(
        source.short_name,
        train,
        validation,
        test,
        spec,
        "",
        raw.features,
        as_given=True,
        warnings=(*raw.notes, *_warn_of_nan(train)),
        reading=raw.reading,
    )
    names = (*(raw.features or ()), "labels", *(found.labels or ()))
    if len(divided[0].y) == 1:
        return replace(data, digest=digest_as_trained((train, validation, test), names))
    encoded = data.with_parts(*(_with_target(part, 1) for part in divided if part is not None))
    # equal values train equally, whatever their dtype: a study recognizes its data by values
    is_same = all(np.array_equal(a.y, b.y) for a, b in zip(data.parts, encoded.parts, strict=True))
    hashed = encoded if is_same else data
    data = replace(data, digest=digest_as_trained((hashed.train, hashed.validation, hashed.test), names))
    warnings = _warn_of_absent_classes(encoded)
    return replace(data, encoded=replace(encoded, digest=data.digest, form="indices", warnings=warnings))


def _with_target(part: Part, which: int) -> Part:
    return replace(part, y=part.y[which]).map(read_only)


def _input_spec(label: str, x: Array) -> InputSpec:
    """Shape and dtype; the user's own model needs no statistics."""
    return InputSpec(tuple(x.shape[1:]), "string" if x.dtype.kind == "U" else x.dtype.name)


def _warn_of_absent_classes(encoded: Dataset) -> tuple[str, ...]:
    absent = {
        where: absent_classes(part.y.reshape(-1), encoded.labels or ())
        for where, part in (("training", encoded.train), ("validation", encoded.validation))
    }
    return tuple(f"no row of the {where} data has the class {names}" for where, names in absent.items() if names)


def _warn_of_nan(train: Part) -> tuple[str, ...]:
    """Warnings of an input array or a target with NaN; in the columns of a table they are usual."""
    arrays = {} if isinstance(train.x, dict) else {"numbers of x_train": train.x}
    arrays["training targets"] = train.y
    missing = {what: int((~np.isfinite(array)).sum()) for what, array in arrays.items() if array.dtype.kind == "f"}
    return tuple(f"{n} of {arrays[what].size} {what} are NaN or infinite" for what, n in missing.items() if n)
