"""A tuner's search space as workers get it, and what building it in this process shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine import hyperparameters as kinds
from keras_tuner.engine.hypermodel import HyperModel

from sweeps.data import Dataset
from sweeps.errors import InputError
from sweeps.space.discovery import discover
from sweeps.space.reference import packed
from sweeps.space.resolve import declaration
from sweeps.tuner.declared import Declared
from sweeps.tuner.feeds import StaysHere
from sweeps.tuner.options import Options
from sweeps.tuner.space import CompileOverrides, FitCall, TunerSpace

#: the first rows as the arguments of `fit`
Rows = tuple[Any, dict[str, Any]]


@dataclass(frozen=True)
class WorkerSpace:
    """The hypermodel with the arguments of its tuner and of `search`.

    Attributes:
        hypermodel, objective: the tuner's.
        declared: its `hyperparameters`.
        options: its other arguments.
        digits: of a trial's id.
    """

    hypermodel: keras_tuner.HyperModel
    objective: keras_tuner.Objective
    declared: Declared
    options: Options
    digits: int

    def of(self, call: FitCall) -> TunerSpace:
        """The space for the engine; `call`: the arguments of `search`."""
        given = self.options
        compiled = CompileOverrides(given.optimizer, given.loss, given.metrics, given.max_model_size)
        shown = (self.objective, self.declared, compiled)
        return TunerSpace(self.hypermodel, *shown, call, given.executions_per_trial, self.digits)

    @contextlib.contextmanager
    def sent(self, call: FitCall) -> Iterator[TunerSpace]:
        """The space for workers, which find its data while the block runs."""
        if call.feed is None:
            yield self.of(call)
            return
        with call.feed.sent() as feed:
            yield self.of(replace(call, feed=feed))

    @property
    def fits_itself(self) -> bool:
        """Whether the hypermodel has a `fit` of its own."""
        return type(self.hypermodel).fit is not HyperModel.fit

    def check_travels(self, call: FitCall) -> None:
        """Raises: StaysHere: the search is only possible in this process."""
        for name, value in (("hypermodel", self.hypermodel), ("callbacks", call.callbacks)):
            try:
                packed(name, value)
            except InputError as error:
                raise StaysHere(str(error)) from error
        if self.fits_itself and not self._compiles():
            raise StaysHere("the model is not compiled, and trained by a loop of its own")

    def discovered(self, call: FitCall, rows: Rows | None) -> list[kinds.HyperParameter]:
        """All hyperparameters of the space; with `rows` also those of `HyperModel.fit`, which needs data."""
        space = self.of(call)
        if rows is None:
            found = discover(space.build)
        else:
            (x, y), options = rows
            found = discover(declaration(space, x, y, **options))
        keras.utils.clear_session()
        given = {declared.name for declared in self.declared.space}
        return [
            declared
            for name, declarations in found.items()
            for declared in declarations
            if self.declared.tune_new or name in given  # as in KerasTuner, what keeps its default is no part of it
        ]

    def input_names(self, count: int) -> tuple[str, ...]:
        """The names of the model's Input layers, for a list of `count` arrays.

        Raises:
            InputError: the model has another number of them.
        """
        model = self._default_model()
        names = tuple(tensor.name for tensor in getattr(model, "inputs", None) or ())
        if len(names) != count:
            raise InputError(
                f"search: a list of arrays needs a model with as many Input layers, got {count} arrays and "
                f"{len(names)} Input layers; a dictionary of arrays by name works too"
            )
        return names

    def _compiles(self) -> bool:
        """Whether the model of the default values is compiled; a worker says what is wrong if it cannot be built."""
        try:
            return bool(self._default_model().compiled)
        except Exception:  # user code may raise anything
            return True
        finally:
            keras.utils.clear_session()

    def _default_model(self) -> keras.Model:
        return self.of(FitCall()).build(keras_tuner.HyperParameters())


def first_rows(dataset: Dataset) -> Rows:
    """The first rows as the arguments of `fit`, to discover its hyperparameters."""
    train, validation = (part.map(lambda column: column[:64]) for part in (dataset.train, dataset.validation))
    options = {"validation_data": (validation.x, validation.y), "epochs": 1, "callbacks": [], "verbose": 0}
    return (train.x, train.y), options
