"""The identity of a study: what it was begun with, and what a resume must therefore not change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import optuna

from sweeps.errors import InputError
from sweeps.space.fingerprint import SpaceSource
from sweeps.study.attributes import CONFIG, GIVEN, IDENTITY

#: among the options: directions of the objectives beside the first, by name
OBJECTIVES = "objectives"
#: a space of which nothing is known
UNKNOWN_SOURCE = SpaceSource()


@dataclass(frozen=True)
class Identity:
    """What a resume must not change: a study whose trials differ in these compares nothing.

    Attributes:
        options: those of `sweeps run` that were given, of which none has to be.
        hyperparameters: what the space declares, by name; Optuna itself would mix two ranges in silence.
        keras: Keras's global settings that are not its defaults.
    """

    space: str
    dataset: str
    digest: str
    objective: str
    direction: str
    epochs: int
    seed: int
    set: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    keras: Mapping[str, str] = field(default_factory=dict)


def check_identity(study: optuna.Study, wanted: Identity, source: SpaceSource = UNKNOWN_SOURCE) -> None:
    """Raises:
    InputError: the study was begun with something else.
    """
    known, asked = dict(study.user_attrs[IDENTITY]), json.loads(json.dumps(asdict(wanted)))
    if source.check(study, wanted.space):
        known["space"] = asked["space"]
        if source.accepted:
            known["hyperparameters"] = asked["hyperparameters"]
    # a study of an earlier version does not say what its space declared, of a space that a program gave it says nothing
    if not known.get("hyperparameters") and (
        "hyperparameters" not in known or "space" in study.user_attrs.get(GIVEN, ())
    ):
        known["hyperparameters"] = asked["hyperparameters"]
    now, then = _options_beside(asked), _options_beside(known)
    changed = [key for key in now | then if key != "dataset" and then.get(key) != now.get(key)]
    if changed:
        difference = "; ".join(f"{key}: {then.get(key)!r} then, {now.get(key)!r} now" for key in changed)
        data = " (digest is of the data as the models get it, which may change with the version)"
        raise InputError(
            f"study {study.study_name!r} was begun with another configuration: {difference}\n"
            f"Run with the same one, or name a new study{data if 'digest' in changed else ''}"
        )


def remember_place(study: optuna.Study, space: str, source: SpaceSource) -> None:
    """Note where the file of the study's space is now."""
    for name in (IDENTITY, CONFIG):
        known = study.user_attrs.get(name)
        if source.changes(study) == () and known is not None and known["space"] != space:
            study.set_user_attr(name, known | {"space": space})


def _options_beside(identity: dict[str, Any]) -> dict[str, Any]:
    """One level of names; an option that was not given is none of them."""
    flat = dict(identity)
    options: dict[str, Any] = flat.pop("options", {})
    declared: dict[str, str] = flat.pop("hyperparameters", {})
    settings: dict[str, str] = flat.pop("keras", {})
    return (
        flat
        | options
        | {f"hyperparameter {name}": text for name, text in declared.items()}
        | {f"keras {name}": text for name, text in settings.items()}
    )
