"""KerasTuner's language of hyperparameters, answered by an Optuna trial.

`build(hp)` asks `hp.Float("learning_rate", …)`; KerasTuner decides whether that hyperparameter is active
here, and its value is then suggested by the trial under the hyperparameter's own full name. KerasTuner
funnels every kind through two methods, `_retrieve` and `_register`; they are private, which is why its
version is pinned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine import hyperparameters as kinds

from sweeps.errors import InputError, unknown
from sweeps.space.declarations import check_declaration
from sweeps.space.domains import (
    Question,
    Value,
    canonical,
    conditions_text,
    describe,
    question,
    same_domain,
    study_name,
)
from sweeps.space.fingerprint import SPACE_VERSION, versioned
from sweeps.space.narrowing import Narrowing

#: the hyperparameter that every space has, once it is asked for
EPOCHS = "epochs"


class CheckedHyperParameters(keras_tuner.HyperParameters):  # type: ignore[misc]
    """KerasTuner's container, which answers with defaults, and refuses what KerasTuner lets pass in silence.

    As in KerasTuner, a `copy()` is a container of its own: it knows the values drawn so far, answers new
    hyperparameters with their defaults, and what it answers is no part of the trial.
    """

    @property
    def active_values(self) -> dict[str, Value]:
        """What the model was built of, by full name: active hyperparameters only, Fixed ones too."""
        return {hp.name: self.values[hp.name] for hp in self.space if self.is_active(hp)}

    @property
    def active_declarations(self) -> dict[str, kinds.HyperParameter]:
        """The active hyperparameters as they were declared, by full name."""
        return {hp.name: hp for hp in self.space if self.is_active(hp)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> keras_tuner.HyperParameters:
        """KerasTuner's own container, as of `copy()`: a configuration holds no trial to answer."""
        return keras_tuner.HyperParameters.from_config(config)

    def conditional_scope(self, parent_name: str, parent_values: Any) -> AbstractContextManager[None]:
        """As KerasTuner's.

        Raises:
            InputError: the parent is not declared, or in another conditional scope than this one.
        """
        parent = self._get_name(parent_name)
        if parent not in self._hps:
            raise unknown("parent hyperparameter", parent, self._hps)
        if not self._exists(parent):
            where = conditions_text(self._conditions) or "no condition"
            raise InputError(f"parent {parent!r} must be declared in the scope that its condition is in, got: {where}")
        return super().conditional_scope(parent_name, parent_values)  # type: ignore[no-any-return]

    def _retrieve(self, hyperparameter: kinds.HyperParameter) -> Value | None:
        hp = hyperparameter
        for known in self._hps.get(hp.name, ()):
            together = self.is_active(known) and self.is_active(hp)
            if (together or known.conditions == hp.conditions) and not same_domain(known, hp):
                raise InputError(
                    f"hyperparameter {hp.name!r} must be declared alike each time, "
                    f"got {_declaration(hp)} after {_declaration(known)}"
                )
        return super()._retrieve(hp)  # type: ignore[no-any-return]

    def _register(self, hyperparameter: kinds.HyperParameter, overwrite: bool = False) -> Value | None:
        hp = hyperparameter
        check_declaration(hp)
        # what `merge` overwrites has its default from then on
        if not overwrite and hp.name not in self.values and self.is_active(hp):
            self.values[hp.name] = self._answer(hp)
        return super()._register(hp, overwrite)  # type: ignore[no-any-return]

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        return hp.default  # type: ignore[no-any-return]


class SuggestedHyperParameters(CheckedHyperParameters):
    """Answered by an Optuna trial: an active hyperparameter is suggested when it is first asked for.

    Args:
        trial: a running trial, or `optuna.trial.FixedTrial`.
        narrowings: of `--set`.
        grid: whether ranges without steps are cut into ten values, for a sampler that enumerates.
        ambiguous: names that the space declares with different values under different conditions (see
            `discovery.ambiguous`); in the study they bear their condition: `units [kind=wide]`.
        version: of the study's space, where it has several: what is declared with other values than in an earlier one
            is another hyperparameter in the study, `units [version 2]`.
    """

    def __init__(
        self,
        trial: optuna.trial.BaseTrial,
        narrowings: Iterable[Narrowing] = (),
        grid: bool = False,
        ambiguous: frozenset[str] = frozenset(),
        version: int | None = None,
    ) -> None:
        super().__init__()
        self.trial = trial
        self.version = version
        self.grid = grid
        self.ambiguous = ambiguous
        self._narrowings = {narrowing.name: narrowing for narrowing in narrowings}
        self._earlier: list[optuna.trial.FrozenTrial] | None = None

    def _answer(self, hp: kinds.HyperParameter) -> Value:
        if hp.name in self._narrowings:
            hp = self._narrowings[hp.name].apply(hp)
        if isinstance(hp, kinds.Fixed):
            return hp.value  # type: ignore[no-any-return]
        asked = question(hp, self.grid, label(hp, self.ambiguous))
        if self.version and self._is_another(asked):
            asked = replace(asked, name=versioned(asked.name, self.version))
        self._check_unchanged(asked)
        return canonical(hp, asked.ask(self.trial), self.grid)

    def _check_unchanged(self, asked: Question) -> None:
        """Optuna itself accepts a changed range, and then mixes what does not belong together."""
        before = self._before(asked.name)
        if before is not None and before.distributions[asked.name] != asked.distribution:
            raise InputError(
                f"hyperparameter {asked.name!r} must keep its kind and values in all trials of a study, "
                f"got {describe(asked.distribution)} after {describe(before.distributions[asked.name])}"
            )

    def _is_another(self, asked: Question) -> bool:
        """Whether another version of the space has other values under that name."""
        before = self._before(asked.name)
        return (
            before is not None
            and before.distributions[asked.name] != asked.distribution
            and before.user_attrs.get(SPACE_VERSION, 1) != self.version
        )

    def _before(self, name: str) -> optuna.trial.FrozenTrial | None:
        """The last trial that had a hyperparameter of that name."""
        if self._earlier is None:
            study = getattr(self.trial, "study", None)
            self._earlier = study.get_trials(deepcopy=False)[::-1] if study is not None else []
        return next((past for past in self._earlier if name in past.distributions), None)


def draw_epochs(hp: keras_tuner.HyperParameters, most: int, instead: int | None = None) -> int:
    """The number of a trial's epochs as a hyperparameter, for a space that has none of that name itself.

    Args:
        most: epochs a trial, which an unnarrowed trial has.
        instead: how many a trial that is trained on has, whatever it drew.
    """
    drawn = int(hp.Int(EPOCHS, 1, most, default=most))
    if instead is None:
        return drawn
    hp.values[EPOCHS] = instead
    return instead


def declarations(hp: CheckedHyperParameters) -> dict[str, str]:
    """What was declared, as text, by full name; with its conditions where a name was declared under several."""
    texts: dict[str, str] = {}
    for declared in hp.space:
        name = f"{declared.name} [{conditions_text(declared.conditions)}]" if declared.name in texts else declared.name
        texts[name] = _declaration(declared)
    return texts


def label(hp: kinds.HyperParameter, ambiguous: frozenset[str]) -> str:
    """A hyperparameter's name in the study: its own, with its conditions where that would be ambiguous."""
    alone = hp.name not in ambiguous or not hp.conditions
    return study_name(hp.name) if alone else f"{hp.name} [{conditions_text(hp.conditions)}]"


def _declaration(hp: kinds.HyperParameter) -> str:
    values = repr(hp.value) if isinstance(hp, kinds.Fixed) else describe(question(hp))
    return f"{type(hp).__name__} {values}"
