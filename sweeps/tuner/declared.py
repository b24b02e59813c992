"""`hyperparameters=…` of a tuner: declarations that override those of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError


class NewEntry(InputError, RuntimeError):
    """A hyperparameter that `allow_new_entries=False` does not allow; KerasTuner raises a RuntimeError."""


@dataclass(frozen=True)
class Declared:
    """Hyperparameters declared before the first model is built.

    Attributes:
        space: the declarations, in their order.
        tune_new: whether other hyperparameters are searched; otherwise they keep their defaults.
        allow_new: whether other hyperparameters are allowed.
    """

    space: tuple[kinds.HyperParameter, ...] = ()
    tune_new: bool = True
    allow_new: bool = True

    @classmethod
    def of(cls, container: keras_tuner.HyperParameters | None, tune_new: bool, allow_new: bool) -> Declared:
        """From the arguments of a tuner.

        Raises:
            InputError: nothing is declared, and other hyperparameters are not searched or not allowed.
        """
        if container is not None and not isinstance(container, keras_tuner.HyperParameters):
            raise InputError(f"hyperparameters: a HyperParameters container is needed, got {type(container).__name__}")
        space = tuple(container.space) if container is not None else ()
        for name, allowed in (("tune_new_entries", tune_new), ("allow_new_entries", allow_new)):
            if not allowed and not space:
                raise InputError(f"{name}=False: the search space must be given as `hyperparameters`, got none")
        return cls(space, tune_new, allow_new)

    def install(self, hp: keras_tuner.HyperParameters) -> None:
        """Make the container use these declarations, and declare them for every model.

        As in KerasTuner, a name that is declared again has the values of its first declaration. All kinds pass through
        KerasTuner's `_retrieve` (see `sweeps.space.hyperparameters`).
        """
        if "_retrieve" in vars(hp):
            return
        original = hp._retrieve

        def retrieve(requested: kinds.HyperParameter) -> Any:
            for known in hp._hps.get(requested.name, ()):
                if known.conditions == requested.conditions[: len(known.conditions)]:
                    return original(known)
            return original(self._override(requested))

        hp._retrieve = retrieve
        for declared in self.space:
            original(declared)

    def _override(self, requested: kinds.HyperParameter) -> kinds.HyperParameter:
        for declared in self.space:
            if declared.name == requested.name and declared.conditions == requested.conditions:
                return declared
        if not self.allow_new:
            known = ", ".join(declared.name for declared in self.space)
            raise NewEntry(f"allow_new_entries=False: only {known} may be declared, got {requested.name!r}")
        if not self.tune_new and not isinstance(requested, kinds.Fixed):
            return kinds.Fixed(name=requested.name, value=requested.default, conditions=requested.conditions)
        return requested
