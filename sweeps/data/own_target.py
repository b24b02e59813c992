"""The target as a person's own model takes it: as it was given, wherever its loss can take that.

What a target is (classes or a quantity) is read off its values when it is loaded; a model of a person's own may mean
something else by it, and its loss tells.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from sweeps.data import Array, Dataset
from sweeps.model.heads import kind_of_loss, name_of_loss


def for_model(data: Dataset, model: keras.Model) -> Dataset:
    """The data as the loss of `model` takes its target, and what the record is told of the target, by that loss.

    A target is encoded only for a loss over classes, of values that are none to it; a warning of the data says so.

    Args:
        data: for a registered space it is ready already.
        model: compiled.
    """
    loss = getattr(model, "loss", None)
    if not data.given or not isinstance(data.train.y, np.ndarray) or loss is None or keras.tree.is_nested(loss):
        return data
    kind, _ = kind_of_loss(loss)
    return _for_loss(data, kind, name_of_loss(loss), _outputs(model), getattr(loss, "ignore_class", None))


@lru_cache(maxsize=4)
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
        return _said(data, columns, f"become {columns.spec.n_outputs} columns of 0 and 1", loss)
    is_unit = all(bool(((one >= 0) & (one <= 1)).all()) for one in _targets(data))
    if kind == "binary" and not is_unit and encoded is not None and encoded.spec.target == "binary":
        return _said(data, encoded, "become 0 and 1", loss)
    if kind in ("binary", "hinge") or (is_unit and data.spec.target == "binary") or (outputs or 1) > 1:
        return data
    # of any other loss, and one output, whole numbers are a quantity
    return replace(data, spec=replace(data.spec, target="regression", n_outputs=1, labels=None))


def _as_indices(data: Dataset, loss: str, outputs: int | None, ignored: int | None) -> Dataset:
    """The target as it is where all of its values are indices of the model's outputs; class indices otherwise."""
    encoded = data.encoded
    found = [one if ignored is None else one[one != ignored] for one in _targets(data)]
    if not all(bool((one == np.trunc(one)).all()) for one in found):
        return data
    highest, lowest = max(int(one.max(initial=0)) for one in found), min(int(one.min(initial=0)) for one in found)
    if encoded is not None and np.array_equal(encoded.train.y, data.train.y):
        labels = data.labels or ()
    elif encoded is not None and (lowest < 0 or (outputs is not None and highest >= outputs)):
        return _said(data, encoded, f"become the class indices 0 to {len(data.labels or ()) - 1}", loss)
    else:  # values with gaps are the numbers of the outputs
        labels = tuple(map(str, range(outputs or highest + 1)))
    return replace(data, spec=replace(data.spec, target="sparse", n_outputs=len(labels), labels=labels))


def _said(data: Dataset, encoded: Dataset, become: str, loss: str) -> Dataset:
    labels = data.labels or ()
    some = ", ".join(labels[:5]) + (", …" if labels[5:] else "")
    return replace(encoded, warnings=(*data.warnings, f"the targets {some} {become}, as {loss} needs them"))


def _targets(data: Dataset) -> list[Array]:
    return [data.train.y, data.validation.y]


def _outputs(model: keras.Model) -> int | None:
    """How many numbers the model gives for a row; None where that is not known before it is built."""
    shape = getattr(model, "output_shape", None) if model.built else None
    if isinstance(shape, tuple) and shape and isinstance(shape[-1], int):
        return shape[-1]
    layers: list[Any] = getattr(model, "layers", None) or []
    units = [layer.units for layer in layers if isinstance(layer, keras.layers.Dense)]
    return units[-1] if units and isinstance(model, keras.Sequential) else None
