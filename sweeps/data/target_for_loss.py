"""The target of a user's own model, encoded only where the model's loss needs it.

When data is loaded, its values decide whether the target is classes or a quantity. The user's own model may treat it
differently, and its loss shows how.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from sweeps.data import Array, Dataset
from sweeps.data.task import named_task
from sweeps.errors import shortened
from sweeps.model.heads import kind_of_loss, name_of_loss


def for_model(data: Dataset, model: keras.Model) -> Dataset:
    """The data with the target as the loss of `model` takes it, and described by that loss.

    The target is encoded only for a loss over classes that cannot take its values; a warning of the data says so.

    Args:
        data: returned unchanged for a registered space.
        model: compiled.
    """
    loss = getattr(model, "loss", None)
    if not data.as_given or not isinstance(data.train.y, np.ndarray) or loss is None or keras.tree.is_nested(loss):
        return data
    kind, _ = kind_of_loss(loss)
    return _described(data, kind, name_of_loss(loss), _outputs(model), getattr(loss, "ignore_class", None))


@lru_cache(maxsize=20)  # a study may have as many folds
def _described(data: Dataset, kind: str | None, loss: str, outputs: int | None, ignored: int | None) -> Dataset:
    taken = _for_loss(data, kind, loss, outputs, ignored)
    spec = taken.spec
    if data.task and (spec.target, spec.labels) == (data.spec.target, data.spec.labels):
        task = f"{data.task.removesuffix(')')}; loss {loss})"
    else:
        task = f"{named_task(spec.target, spec.n_outputs, spec.labels)} (by the model's loss, {loss})"
    return replace(taken, task=task)


def _for_loss(data: Dataset, kind: str | None, loss: str, outputs: int | None, ignored: int | None) -> Dataset:
    y, encoded = data.train.y, data.encoded
    if y.dtype.kind == "U" or y.ndim > 2 or (y.ndim == 2 and y.shape[1] != 1):
        return data
    if encoded is not None and kind in ("sparse", "categorical", "binary"):
        data = replace(data, warnings=(*data.warnings, *encoded.warnings))
    if kind == "sparse":
        return _as_indices(data, loss, outputs, ignored)
    if kind == "categorical" and outputs != 1 and encoded is not None:
        columns = encoded.one_hot()
        return _with_warning(data, columns, f"become {columns.spec.n_outputs} columns of 0 and 1", loss)
    is_unit = all(bool(((y >= 0) & (y <= 1)).all()) for y in _targets(data))
    if kind == "binary" and not is_unit and encoded is not None and encoded.spec.target == "binary":
        return _with_warning(data, encoded, "become 0 and 1", loss)
    if kind in ("binary", "hinge") or (is_unit and data.spec.target == "binary") or (outputs or 1) > 1:
        return data
    # for any other loss and a single output, whole numbers are a quantity
    return replace(data, spec=replace(data.spec, target="regression", n_outputs=1, labels=None))


def _as_indices(data: Dataset, loss: str, outputs: int | None, ignored: int | None) -> Dataset:
    """The target unchanged where all values are indices of the model's outputs, class indices otherwise."""
    encoded = data.encoded
    targets = [y if ignored is None else y[y != ignored] for y in _targets(data)]
    if not all(bool((y == np.trunc(y)).all()) for y in targets):
        return data
    highest, lowest = max(int(y.max(initial=0)) for y in targets), min(int(y.min(initial=0)) for y in targets)
    if encoded is not None and np.array_equal(encoded.train.y, data.train.y):
        labels = data.labels or ()
    elif encoded is not None and (lowest < 0 or (outputs is not None and highest >= outputs)):
        return _with_warning(data, encoded, f"become the class indices 0 to {len(data.labels or ()) - 1}", loss)
    else:  # values with gaps are output indices
        labels = tuple(map(str, range(outputs or highest + 1)))
    return replace(data, spec=replace(data.spec, target="sparse", n_outputs=len(labels), labels=labels))


def _with_warning(data: Dataset, encoded: Dataset, change: str, loss: str) -> Dataset:
    warning = f"the targets {shortened(data.labels or ())} {change}, as {loss} needs them"
    return replace(encoded, warnings=(*data.warnings, warning))


def _targets(data: Dataset) -> list[Array]:
    return [data.train.y, data.validation.y]


def _outputs(model: keras.Model) -> int | None:
    """The number of outputs per row; None where it is not known before the model is built."""
    shape = getattr(model, "output_shape", None) if model.built else None
    if isinstance(shape, tuple) and shape and isinstance(shape[-1], int):
        return shape[-1]
    layers: list[Any] = getattr(model, "layers", None) or []
    units = [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)]
    return units[-1] if units and isinstance(model, keras.Sequential) else None
