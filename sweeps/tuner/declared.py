"""`hyperparameters=…` of a tuner: declarations that win over those of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError


@dataclass(frozen=True)
class Declared:
    """What was declared before any model was built.

    Attributes:
        space: the declarations, in their order.
        tune_new: whether hyperparameters that are not among them are searched; otherwise they keep their
            defaults.
        allow_new: whether there may be any.
    """

    space: tuple[kinds.HyperParameter, ...] = ()
    tune_new: bool = True
    allow_new: bool = True

    @classmethod
    def of(cls, given: keras_tuner.HyperParameters | None, tune_new: bool, allow_new: bool) -> Declared:
        """The arguments of a tuner.

        Raises:
            InputError: nothing is declared, and nothing else is to be searched or allowed.
        """
        if given is not None and not isinstance(given, keras_tuner.HyperParameters):
            raise InputError(f"hyperparameters: a HyperParameters container is wanted, got {type(given).__name__}")
        space = tuple(given.space) if given is not None else ()
        for name, allowed in (("tune_new_entries", tune_new), ("allow_new_entries", allow_new)):
            if not allowed and not space:
                raise InputError(f"{name}=False: the search space must be given as `hyperparameters`, got none")
        return cls(space, tune_new, allow_new)

    def install(self, hp: keras_tuner.HyperParameters) -> None:
        """From now on the container answers by these declarations; they are part of every model.

        KerasTuner funnels every kind through `_retrieve` (see `sweeps.space.hyperparameters`).
        """
        if "_retrieve" in vars(hp) or not (self.space or not self.tune_new or not self.allow_new):
            return
        own = hp._retrieve

        def retrieve(asked: kinds.HyperParameter) -> Any:
            return own(self._instead(asked))

        hp._retrieve = retrieve
        for declared in self.space:
            own(declared)

    def _instead(self, asked: kinds.HyperParameter) -> kinds.HyperParameter:
        for declared in self.space:
            if declared.name == asked.name and declared.conditions == asked.conditions:
                return declared
        if not self.allow_new:
            known = ", ".join(declared.name for declared in self.space)
            raise InputError(f"allow_new_entries=False: only {known} may be asked for, got {asked.name!r}")
        if not self.tune_new and not isinstance(asked, kinds.Fixed):
            return kinds.Fixed(name=asked.name, value=asked.default, conditions=asked.conditions)
        return asked
