"""What must hold between the parts of a dataset, and between inputs and target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.data.targets import Encoded
from sweeps.errors import InputError

#: so many whole numbers are classes without a word
FEW_CLASSES = 10


def check_alike(parts: Mapping[str, Part], any_number: bool = False) -> None:
    """Each `y` has a row for each row of `x`, and all parts have the layout of the first.

    Args:
        parts: under the names by which a person knows their inputs (``x_train``).
        any_number: whether numbers of another type will do.

    Raises:
        InputError: unequal lengths, or other columns, shapes or types.
    """
    layouts = {}
    for name, part in parts.items():
        for array in part.columns.values():
            if part.y.ndim == 0 or len(array) != len(part.y):
                raise InputError(f"{name}: each row needs one of its target, got {array.shape} and {part.y.shape}")
        layouts[name] = {column: _layout_of(array, any_number) for column, array in part.columns.items()}
    first = next(iter(layouts))
    for name, layout in layouts.items():
        if list(layout) != list(layouts[first]):
            raise InputError(f"{name}: the columns of {first} are needed, {list(layouts[first])}, got {list(layout)}")
        for column, array in parts[name].columns.items():
            if layout[column] != layouts[first][column]:
                wanted = parts[first].columns[column]
                raise InputError(
                    f"{name}: rows of {wanted.dtype} {wanted.shape[1:]} as in {first} are needed, "
                    f"got {array.dtype} {array.shape[1:]}"
                )


def _layout_of(array: Array, any_number: bool) -> tuple[tuple[int, ...], str]:
    kind = array.dtype.kind
    return array.shape[1:], "number" if any_number and kind in "biuf" else kind


def joined(ys: list[Array]) -> Array:
    """All parts' targets in one, since a class is the same number in each.

    Raises:
        InputError: text beside numbers, or another number of columns.
    """
    kinds = {("text" if y.dtype.kind in "US" else "numbers", y.shape[1:]) for y in ys}
    if len(kinds) > 1:
        got = ", ".join(f"{y.dtype.name} {y.shape}" for y in ys)
        raise InputError(f"target: one type and shape in all parts is needed, got {got}")
    return np.concatenate(ys)


def check_classes(train: Part, validation: Part, target: Encoded) -> None:
    """Every class is trained and validated: an accuracy that leaves classes out selects the wrong model.

    Raises:
        InputError: a class without a row in either.
    """
    if target.labels is None or target.kind == "multi_label":
        return
    for where, part in (("training", train), ("validation", validation)):
        y = np.argmax(part.y, axis=1) if part.y.ndim == 2 else part.y
        if absent := absent_classes(y, target.labels):
            raise InputError(f"target: every class needs rows in the {where} data, got none of {absent}")


def many_classes(train: Part, target: Encoded) -> tuple[str, ...]:
    """What is said of numbers that were taken for classes and may be a quantity: months, points, counts."""
    count = len(target.labels or ())
    if target.kind != "sparse" or count <= FEW_CLASSES or train.y.dtype.kind not in "iuf":
        return ()
    return (
        f"the target's {count} different whole numbers are taken for classes; if they are a quantity: "
        '--task regression (task="regression")',
    )


def absent_classes(indices: Array, labels: tuple[str, ...]) -> str:
    """The classes without a row, as text; "" where all have some."""
    counts = np.bincount(indices, minlength=len(labels))
    absent = [label for label, count in zip(labels, counts, strict=True) if not count]
    return ", ".join(map(repr, absent[:5])) + (f" and {len(absent) - 5} more" if absent[5:] else "")
