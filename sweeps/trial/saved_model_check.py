"""Whether a space's models can be used once they are trained: one is saved and loaded again before any is."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sweeps.errors import UnsavedModel
from sweeps.export.keras_file import REBUILT, RECOMPILED, UNCOMPILED, UNSAFE, Loaded, Unloadable, load_by
from sweeps.space.definitions import Definitions, Recorded, recording
from sweeps.space.reference import PackedSpace
from sweeps.space.resolve import explain
from sweeps.training import as_tensors
from sweeps.trial.plan import SweepRequest

_HELP = "A class of your own needs get_config() with all that its constructor takes, as plain values or Keras objects"
_LAMBDA = (
    "the space's model holds a lambda (a Lambda layer, or an activation), with which no saved model is loaded: use a "
    "subclass of keras.layers.Layer, a function with a name, or keras.ops in the functional API\n"
    "--allow-lambda (allow_lambda=True) accepts it: such a model is loaded only where its space is at hand"
)


class Saving:
    """Looks at the first model that it is shown.

    Attributes:
        warnings: what a person is to know before the first trial.
    """

    def __init__(self, space: Any, request: SweepRequest) -> None:
        self._space, self._request = space, request
        #: KerasTuner builds the models of trials anew, from their hyperparameters
        self._is_tuner = bool(getattr(space, "rebuilds_models", False))
        self._seen = not request.keeps_models
        self.warnings: tuple[str, ...] = ()

    def check(self, model: keras.Model, params: Mapping[str, Any], x: Any) -> None:
        """Save a trained model, and load it.

        Args:
            params: its hyperparameters.
            x: a few rows, for which the loaded one must give the same.

        Raises:
            UnsavedModel: it cannot be saved, or what is saved cannot be loaded.
        """
        if self._seen:
            return
        self._seen = True
        with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = Path(folder) / "model.keras"
            saved = _save(model, file)
            loaded = self._load(file, params)
        if loaded.how not in (REBUILT, UNSAFE):
            _compare(model, loaded.model, x)
        self.warnings = tuple(self._warnings(loaded, saved))

    def _load(self, file: Path, params: Mapping[str, Any]) -> Loaded:
        allowed = self._request.allow_lambda
        try:
            loaded = load_by(file, lambda: Definitions(self._space, params), lambda: allowed)
        except Unloadable as wrong:
            raise UnsavedModel(_LAMBDA if wrong.is_lambda and not allowed else _unloadable(wrong)) from None
        if loaded.how not in (REBUILT, UNSAFE) or self._is_tuner:
            return loaded
        assert loaded.plain_error is not None
        if not loaded.plain_error.is_lambda:
            raise UnsavedModel(_unloadable(loaded.plain_error))
        if not allowed:
            raise UnsavedModel(_LAMBDA)
        return loaded

    def _warnings(self, loaded: Loaded, saved: Recorded) -> Iterator[str]:
        """What only the program that has the space in memory can load again, and what is not kept."""
        if loaded.how == UNCOMPILED:
            yield "the models are kept without their loss, metrics and optimizer, which cannot be loaded again"
        if self._is_tuner or not isinstance(self._request.space, PackedSpace):
            return
        if saved.unregistered:
            names = ", ".join(saved.unregistered)
            yield (
                f"not registered with Keras: {names}; the models load in this program only, elsewhere after "
                "@keras.saving.register_keras_serializable() in a module, or by sweeps.Result(study, space=…)"
            )
        elif loaded.how in (REBUILT, RECOMPILED):
            yield "a lambda of the models is in this program only: elsewhere they load by sweeps.Result(study, space=…)"


def _unloadable(wrong: Unloadable) -> str:
    return f"the space's model cannot be loaded once it is saved: {wrong.reason}\n{_HELP}"


def _save(model: keras.Model, file: Path) -> Recorded:
    """Raises: UnsavedModel: it cannot be saved."""
    try:
        with recording() as saved:
            model.save(file)
    except Exception as wrong:  # whatever a person's own `get_config` raises
        raise UnsavedModel(f"the space's model cannot be saved: {explain(wrong)}\n{_HELP}") from wrong
    return saved


def _compare(model: keras.Model, loaded: keras.Model, x: Any) -> None:
    """Raises: UnsavedModel: the loaded model computes something else."""
    try:
        before, again, after = (_answers(one, x) for one in (model, model, loaded))
    except Exception:  # a model that its space's `fit` feeds otherwise takes no raw rows
        return
    if _equal(before, again) and not _equal(before, after):  # one that is random may differ
        raise UnsavedModel(
            "the space's model gives other outputs once it is saved and loaded: what its classes' get_config() leave "
            f"out is lost\n{_HELP}"
        )


def _answers(model: keras.Model, x: Any) -> list[Any]:
    outputs = keras.tree.flatten(model(as_tensors(x), training=False))
    return [keras.ops.convert_to_numpy(keras.ops.cast(output, "float32")) for output in outputs]


def _equal(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(
        one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-4, equal_nan=True)
        for one, other in zip(some, others, strict=True)
    )
