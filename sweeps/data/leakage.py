"""What makes the score of a table too good to be true: columns that give the target away, and rows that come twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sweeps.data.dataset import Array, Dataset

# Fewer rows are in an order, or have the target's values, by chance.
_FEWEST_ROWS = 50
# A column that determines the target has each of its values so often on average: of an id every value does.
_REPEATED = 5
_MUCH = 0.01
# More rows are looked at in steps.
_MOST_ROWS = 100_000


def leaks(data: Dataset) -> tuple[str, ...]:
    """A line for each column of a table that gives the target away, and one for rows that come twice."""
    columns, y = _rows(data), _target(data)
    if not columns or y is None or len(y) < _FEWEST_ROWS:
        return ()
    step = -(-len(y) // _MOST_ROWS)
    columns, y = {name: values[::step] for name, values in columns.items()}, y[::step]
    found = [f"column {name!r} {how}: leave it out if it is not known before the target (--drop {name!r})"
             for name, values in columns.items() if (how := _how(values, y, data.labels is not None))]  # fmt: skip
    return (*found, *_duplicates(columns, y))


def _rows(data: Dataset) -> dict[str, Array]:
    """The columns of all rows by name, (n,) each; none for other data than tables."""
    if isinstance(data.train.x, dict):
        names = [name for name, values in data.train.x.items() if values.ndim == 2 and values.shape[1] == 1]
        return {name: np.concatenate([part.columns[name][:, 0] for part in data.parts]) for name in names}
    if data.features is None or np.ndim(data.train.x) != 2:
        return {}
    whole = np.concatenate([part.columns[""] for part in data.parts])
    return dict(zip(data.features, whole.T, strict=True))


def _target(data: Dataset) -> Array | None:
    """The target of all rows, (n,); None for several of them."""
    if isinstance(data.train.y, dict | list):
        return None
    y = np.concatenate([part.y for part in data.parts])
    return y.reshape(len(y), -1)[:, 0] if y.size == len(y) else None


def _how(values: Array, y: Array, are_classes: bool) -> str:
    """How a column gives the target away; empty where it does not."""
    known = values != "" if values.dtype.kind == "U" else np.isfinite(values)
    if known.sum() < max(_FEWEST_ROWS, len(values) / 2):
        return ""
    values, y = values[known], y[known]
    codes = np.unique(values, return_inverse=True)[1]
    targets = np.unique(y, return_inverse=True)[1]
    n_codes, n_targets = int(codes.max()) + 1, int(targets.max()) + 1
    if n_codes < 2 or n_targets < 2:
        return ""
    pairs = len(np.unique(codes.astype(np.int64) * n_targets + targets))
    if values.dtype.kind != "U" and np.array_equal(values.astype(np.float64), y.astype(np.float64)):
        return "equals the target"
    if pairs == n_codes and n_codes * _REPEATED <= len(y):
        only = "is the target in other words" if n_codes == n_targets else "determines the target"
        return f"{only}: each of its {n_codes} values comes with one value of it"
    return _ordered(values, y, targets, n_targets, are_classes)


def _ordered(values: Array, y: Array, targets: Array, n_targets: int, are_classes: bool) -> str:
    """How the order or the size of numbers gives the target away."""
    if values.dtype.kind == "U":
        return ""
    if are_classes:
        order = np.argsort(values, kind="stable")
        steps = np.diff(values[order]) > 0
        changes = np.diff(targets[order]) != 0
        if changes.sum() == n_targets - 1 and steps[changes].all():
            return "separates the classes of the target by its size alone"
        return ""
    with np.errstate(all="ignore"):
        correlation = np.corrcoef(values.astype(np.float64), y.astype(np.float64))[0, 1]
    return "is the target on another scale" if abs(correlation) > 0.99999 else ""


def _duplicates(columns: dict[str, Array], y: Array) -> Iterator[str]:
    """A line where many rows come twice: validated with what was trained with."""
    codes = np.unique(y, return_inverse=True)[1].astype(np.int64)
    for values in columns.values():
        codes = np.unique(codes * (len(codes) + 1) + np.unique(values, return_inverse=True)[1], return_inverse=True)[1]
    repeated = len(codes) - (int(codes.max()) + 1)
    if repeated > _MUCH * len(codes):
        yield (
            f"{repeated} of {len(codes)} rows come more than once, with all their values: "
            "validation rows may be among the training rows"
        )
