"""KerasTuner's `HyperParameters`, answered by an Optuna trial.

`build(hp)` calls `hp.Float("learning_rate", …)`; KerasTuner decides whether that hyperparameter is active, and the
trial then suggests its value under the hyperparameter's full name. All kinds pass through KerasTuner's `_retrieve` and
`_register`; these methods are private, which is why its version is pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, unknown
from sweeps.space.declarations import check_declaration
from sweeps.space.domains import (
    StudyParameter,
    Suggesting,
    Value,
    canonical,
    conditions_text,
    default,
    describe,
    same_domain,
    study_name,
    study_parameter,
)
from sweeps.space.fingerprint import versioned
from sweeps.space.known import Known
from sweeps.space.narrowing import Narrowing

#: the hyperparameter that every space has, once it is asked for
EPOCHS = "epochs"


class CheckedHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
    """KerasTuner's container with default values, and errors for declarations that KerasTuner accepts silently.

    As in KerasTuner, a `copy()` is independent: it has the values so far, answers new hyperparameters with their
    defaults, and its answers are not part of the trial.

    Args:
        narrowings: of `--set`.
    """

    def __init__(self, narrowings: Iterable[Narrowing] = ()) -> None:
        super().__init__()
        self._narrowings = {narrowing.name: narrowing for narrowing in narrowings}

    @property
    def active_values(self) -> dict[str, Value]:
        """The values that the model was built with, by full name: active hyperparameters only, Fixed ones too."""
        return {name: self.values[name] for name in self.active_declarations}

    @property
    def active_declarations(self) -> dict[str, kinds.HyperParameter]:
        """The active hyperparameters as they were declared, by full name."""
        return {hp.name: hp for hp in self.space if self.is_active(hp)}

    def narrowed(self, hp: kinds.HyperParameter) -> kinds.HyperParameter:
        """The hyperparameter with only the values that `--set` allows."""
        return self._narrowings[hp.name].apply(hp) if hp.name in self._narrowings else hp

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> keras_tuner.HyperParameters:
        """KerasTuner's own container, for `copy()`: a configuration has no trial."""
        return keras_tuner.HyperParameters.from_config(config)

    def conditional_scope(self, parent_name: str, parent_values: Any) -> AbstractContextManager[None]:
        """See KerasTuner.

        Raises:
            InputError: the parent is not declared, or only in another conditional scope.
        """
        parent = self._get_name(parent_name)
        if parent not in self._hps:
            raise unknown("parent hyperparameter", parent, self._hps)
        if not self._exists(parent):
            scope = conditions_text(self._conditions) or "no condition"
            raise InputError(f"parent {parent!r} must be declared in the scope that its condition is in, got: {scope}")
        return super().conditional_scope(parent_name, parent_values)  # type: ignore[no-any-return]

    def _retrieve(self, hyperparameter: kinds.HyperParameter) -> Value | None:
        hp = hyperparameter
        for known in self._hps.get(hp.name, ()):
            both_active = self.is_active(known) and self.is_active(hp)
            if (both_active or known.conditions == hp.conditions) and not same_domain(known, hp):
                raise InputError(
                    f"hyperparameter {hp.name!r} must be declared alike each time, "
                    f"got {_declaration(hp)} after {_declaration(known)}"
                )
        return super()._retrieve(hp)  # type: ignore[no-any-return]

    def _register(self, hyperparameter: kinds.HyperParameter, overwrite: bool = False) -> Value | None:
        hp = hyperparameter
        check_declaration(hp)
        # `merge` overwrites, and then uses the default
        if not overwrite and hp.name not in self.values and self.is_active(hp):
            self.values[hp.name] = self._answer(self.narrowed(hp))
        return super()._register(hp, overwrite)  # type: ignore[no-any-return]

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        """The value of an active, narrowed hyperparameter."""
        return hp.default  # type: ignore[no-any-return]


class SuggestedHyperParameters(CheckedHyperParameters):
    """Hyperparameters whose values an Optuna trial suggests, each when it is first asked for.

    Args:
        trial: a running trial, or `optuna.trial.FixedTrial`.
        narrowings: of `--set`.
        grid: divide ranges without steps into ten values, for a sampler that enumerates.
        ambiguous: names with different values under different conditions (see `discovery.ambiguous`); in the study
            their names include the condition: `units [kind=wide]`.
        version: of the study's space, where it has several. A hyperparameter with other values than in an earlier
            version is another one in the study: `units [version 2]`.
        firsts: gets the default of each parameter before it is suggested, for a sampler that begins with it.
        known: the parameters that the study has already, by name.
    """

    def __init__(
        self,
        trial: Suggesting,
        narrowings: Iterable[Narrowing] = (),
        grid: bool = False,
        ambiguous: frozenset[str] = frozenset(),
        version: int | None = None,
        firsts: dict[str, Any] | None = None,
        known: Mapping[str, Known] = {},
    ) -> None:
        super().__init__(narrowings)
        self.trial, self.grid, self.ambiguous, self.version, self.firsts = trial, grid, ambiguous, version, firsts
        self._known = known

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        if isinstance(hp, kinds.Fixed):
            return hp.value  # type: ignore[no-any-return]
        parameter = study_parameter(hp, self.grid, label(hp, self.ambiguous))
        before = self._before(parameter)
        if self.version and before and before.version != self.version:
            parameter = replace(parameter, name=versioned(parameter.name, self.version))
            before = self._before(parameter)
        if before:  # Optuna accepts a changed range, and mixes trials that are not comparable
            raise InputError(
                f"hyperparameter {parameter.name!r} must keep its kind and values in all trials of a study, "
                f"got {describe(parameter.distribution)} after {describe(before.distribution)}"
            )
        if self.firsts is not None:
            self.firsts[parameter.name] = parameter.stored(default(hp, self.grid))
        return canonical(hp, parameter.suggest(self.trial), self.grid)

    def _before(self, parameter: StudyParameter) -> Known | None:
        """The study's parameter of that name, if its distribution is another one."""
        known = self._known.get(parameter.name)
        return known if known and known.distribution != parameter.distribution else None


def draw_epochs(hp: keras_tuner.HyperParameters, most: int, instead: int | None = None) -> int:
    """Declare the number of epochs as a hyperparameter, for a space that does not declare it itself.

    Args:
        hp: the trial's hyperparameters.
        most: the highest value and the default.
        instead: the value for a continued trial, whatever it drew.
    """
    drawn = int(hp.Int(EPOCHS, 1, most, default=most))
    if instead is None:
        return drawn
    hp.values[EPOCHS] = instead
    return instead


def declarations(hp: CheckedHyperParameters) -> dict[str, str]:
    """The declarations as text by full name; a name that was declared again is followed by its conditions."""
    texts: dict[str, str] = {}
    for declared in hp.space:
        name = f"{declared.name} [{conditions_text(declared.conditions)}]" if declared.name in texts else declared.name
        texts[name] = _declaration(declared)
    return texts


def label(hp: kinds.HyperParameter, ambiguous: frozenset[str]) -> str:
    """A hyperparameter's name in the study: its own, followed by its conditions where it is ambiguous."""
    unique = hp.name not in ambiguous or not hp.conditions
    return study_name(hp.name) if unique else f"{hp.name} [{conditions_text(hp.conditions)}]"


def _declaration(hp: kinds.HyperParameter) -> str:
    values = repr(hp.value) if isinstance(hp, kinds.Fixed) else describe(study_parameter(hp))
    return f"{type(hp).__name__} {values}"
