"""Checks across the parts of a dataset, and across inputs and target."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sweeps.data.dataset import Array, Part
from sweeps.data.targets import EncodedTarget
from sweeps.errors import InputError, shortened

#: a class is rare with less than this part of the rows that it would have if all had as many
RARE = 0.1


def check_same_layout(parts: Mapping[str, Part], any_number: bool = False) -> None:
    """Check that `x` and `y` have as many rows, and that all parts have the layout of the first.

    Args:
        parts: by the names that users know (``x_train``).
        any_number: whether number types may differ.

    Raises:
        InputError: different lengths, columns, shapes or dtypes.
    """
    first, reference = next(iter(parts.items()))
    for name, part in parts.items():
        if list(part.columns) != list(reference.columns):
            raise InputError(
                f"{name}: the columns of {first} are needed, {list(reference.columns)}, got {list(part.columns)}"
            )
        for column, array in part.columns.items():
            if part.y.ndim == 0 or len(array) != len(part.y):
                raise InputError(f"{name}: each row needs one of its target, got {array.shape} and {part.y.shape}")
            wanted = reference.columns[column]
            if _layout(array, any_number) != _layout(wanted, any_number):
                raise InputError(
                    f"{name}: rows of {wanted.dtype} {wanted.shape[1:]} as in {first} are needed, "
                    f"got {array.dtype} {array.shape[1:]}"
                )


def _layout(array: Array, any_number: bool) -> tuple[tuple[int, ...], str]:
    kind = array.dtype.kind
    return array.shape[1:], "number" if any_number and kind in "biuf" else kind


def joined_targets(targets: list[Array]) -> Array:
    """The targets of all parts in one array, since a class has the same index in each part.

    Raises:
        InputError: text and numbers, or different shapes.
    """
    kinds = {("text" if y.dtype.kind in "US" else "numbers", y.shape[1:]) for y in targets}
    if len(kinds) > 1:
        got = ", ".join(f"{y.dtype.name} {y.shape}" for y in targets)
        raise InputError(f"target: one type and shape in all parts is needed, got {got}")
    return np.concatenate(targets)


def split_target(y: Array, parts: Mapping[str, Part]) -> dict[str, Array]:
    """The rows of a joined target by part."""
    ends = np.cumsum([len(part) for part in parts.values()])[:-1]
    return dict(zip(parts, np.split(y, ends), strict=True))


def check_classes(train: Part, validation: Part, target: EncodedTarget) -> None:
    """Check that each class has training and validation rows: an accuracy without some classes misleads.

    Raises:
        InputError: a class has no row in one of them.
    """
    if target.labels is None or target.kind == "multi_label":
        return
    for where, part in (("training", train), ("validation", validation)):
        y = np.argmax(part.y, axis=1) if part.y.ndim == 2 else part.y
        if absent := absent_classes(y, target.labels):
            raise InputError(f"target: every class needs rows in the {where} data, got none of {absent}")


def rare_class_warning(target: EncodedTarget, rows: int) -> tuple[str, ...]:
    """A warning for a class that is so rare that an accuracy hardly depends on it.

    Args:
        rows: how many, from the first, are counted.
    """
    classes, labels = target.classes(), target.labels
    if classes is None or labels is None:
        return ()
    shares = np.bincount(classes[:rows], minlength=len(labels)) / rows
    rarest = int(shares.argmin())
    if shares[rarest] * len(labels) >= RARE:
        return ()
    return (
        f"only {shares[rarest]:.2%} of the rows have the class {labels[rarest]!r}: an accuracy hardly depends on it; "
        "consider --objective val_auc, or --class-weight balanced",
    )


def absent_classes(indices: Array, labels: tuple[str, ...]) -> str:
    """The names of the classes without a row, as text; "" where there are none."""
    counts = np.bincount(indices, minlength=len(labels))
    return shortened([repr(label) for label, count in zip(labels, counts, strict=True) if not count])
