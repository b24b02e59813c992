"""Models from `.keras` files, those with classes of their own too."""

from __future__ import annotations

import importlib
import os
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.errors import CorruptStore, InputError, SweepError, shortened
from sweeps.model.keras_state import unchanged
from sweeps.space.fingerprint import SPACE_VERSION, Fingerprint, SpaceSource
from sweeps.study import results
from sweeps.study.study import GIVEN, IDENTITY, MODEL_SHA256, PARAMS
from sweeps.system.atomic_files import sha256
from sweeps.system.import_keras import import_keras

if TYPE_CHECKING:
    import optuna

    from sweeps.space.definitions import Definitions
    from sweeps.space.reference import Space

#: how a model was loaded: with what Keras knows; with the classes of its space; the same, and compiled by the space;
#: built by its space, with the weights of the file; without loss, metrics and optimizer; with the lambdas of the file
PLAIN, BY_SPACE, RECOMPILED, REBUILT = "plain", "by space", "recompiled", "rebuilt"
UNCOMPILED, UNSAFE = "uncompiled", "unsafe"


#: in Keras's errors; the last is an activation that is none, saved without a word of what it is
_OF_LAMBDAS = re.compile(r"Python lambda|`Lambda` layer|function identifier: \{'value': \[")


class Unloadable(Exception):
    """No way loads the file.

    Attributes:
        names: the classes and functions that Keras did not find.
        is_lambda: safe mode refuses what it holds.
        reason: of the first way, in a line.
    """

    def __init__(self, wrong: Exception) -> None:
        # what matters is said last: Keras puts each object's error into that of the object around it
        text = str(wrong).rpartition("Exception encountered: ")[2].strip()
        super().__init__(text)
        self.names = re.findall(r"Could not locate (?:class|function) '([^']+)'", str(wrong))
        self.is_lambda = _OF_LAMBDAS.search(str(wrong)) is not None
        self.reason = " ".join(text.split())[:300] or type(wrong).__name__


def load_keras_file(file: Path, study: str, space: str | Space | None = None) -> Any:
    """A `keras.Model` from its file, in Keras's safe mode.

    Where it has classes of its own, those are looked for in the registered spaces and in the space of the
    study, which is taken from this workspace: a file from elsewhere cannot name code to run. Lambdas of the file are
    run only if the study was begun with `allow_lambda` and logged this very file.

    Args:
        space: the study's, where a program gave it as an object, or its file was moved.

    Raises:
        InputError: a class of the model is nowhere to be found, or safe mode refuses what it holds.
        CorruptStore: it is no `.keras` file.
    """
    if not zipfile.is_zipfile(file):
        raise CorruptStore(f"{file} is no .keras file, or damaged")
    import_keras()
    missing: list[InputError] = []

    def define() -> Definitions | None:
        importlib.import_module("search_spaces.registry")
        try:
            return _defined(results.open_study(study), file, space)
        except InputError as error:
            missing.append(error)
            return None

    try:
        with unchanged():
            return load_by(file, define, lambda: _lambdas_allowed(study, file)).model
    except Unloadable as wrong:
        raise _refusal(file, study, wrong, missing) from None


def _refusal(file: Path, study: str, wrong: Unloadable, missing: list[InputError]) -> InputError:
    """What to say of a file that no way loads.

    Args:
        missing: why the study's space is not in reach, if it is not.
    """
    refused = f"{file} is refused in Keras's safe mode"
    if wrong.is_lambda:
        why = missing[0] if missing else f"the space of {study!r} does not build this model"
        return InputError(f"{refused}: it holds a lambda, which is code in a file; {why}")
    if not wrong.names or not missing:
        return InputError(f"{refused}: {wrong.reason}")
    names = ", ".join(dict.fromkeys(wrong.names))
    return InputError(f"the model has a class of its own ({names}), defined by the space of {study!r}: {missing[0]}")


@dataclass(frozen=True)
class Loaded:
    """A model, how it was loaded (`PLAIN`, …), and why it could not be by what Keras knows alone."""

    model: Any
    how: str
    hindrance: Unloadable | None


def load_by(file: Path, define: Callable[[], Definitions | None], lambdas_allowed: Callable[[], bool]) -> Loaded:
    """The model, by the first way that loads it.

    Args:
        define: gives what the model is made of, asked for if Keras does not know it; None: it is not to be had.
        lambdas_allowed: whether lambdas of the file may be run, asked for if nothing else loads it.

    Raises:
        Unloadable: no way does.
    """
    first: Unloadable | None = None
    for how, load in _ways(file, define, lambdas_allowed):
        try:
            return Loaded(load(), how, first)
        except Exception as wrong:  # whatever a person's own `from_config`, or what safe mode refuses, raises
            first = first or Unloadable(wrong)
    assert first is not None
    raise first


def _ways(
    file: Path, define: Callable[[], Definitions | None], lambdas_allowed: Callable[[], bool]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield PLAIN, lambda: _load(file)
    defined = define()
    if defined is not None:
        yield BY_SPACE, lambda: _load(file, defined.objects)
        yield RECOMPILED, lambda: defined.compiled(_load(file, defined.objects, compile=False))
        yield REBUILT, partial(defined.rebuilt, file)
    yield UNCOMPILED, lambda: _load(file, defined.objects if defined else {}, compile=False)
    if lambdas_allowed():
        yield UNSAFE, lambda: _load(file, defined.objects if defined else {}, safe_mode=False)


def _load(file: Path, objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    import keras
    from keras.src.saving.serialization_lib import SafeModeScope

    # safe mode that a person has switched off for the whole process would overrule the argument
    with SafeModeScope(safe_mode):
        return keras.saving.load_model(file, custom_objects=objects, compile=compile, safe_mode=safe_mode)


def _defined(study: optuna.Study, file: Path, space: str | Space | None) -> Definitions:
    """What defines the study's models, with the hyperparameters of the trial that logged the file.

    Raises:
        InputError: the study's space is not in reach.
    """
    from sweeps.space.definitions import Definitions
    from sweeps.space.resolve import own_space

    named = str(study.user_attrs[IDENTITY]["space"])
    if space is None and ":" not in named and "space" not in study.user_attrs.get(GIVEN, ()):
        raise InputError(f"{named!r} is a registered space, which defines none")
    if space is None and "space" in study.user_attrs.get(GIVEN, ()):
        raise InputError(
            f"a program gave the space; in there: result.model(), result.export(), or\n"
            f"sweeps.Result({study.study_name!r}, space={named}), with what defines {named}"
        )
    if space is None and _is_moved(named):
        raise InputError(
            f"its file {named.rpartition(':')[0]} is not there; where it is now: "
            f"sweeps export {study.study_name} --space FILE.py:FUNCTION"
        )
    trial = _trial_of(study, file)
    source = SpaceSource(Fingerprint.of(named if space is None else space))
    if changed := source.changes(study, trial.user_attrs.get(SPACE_VERSION) if trial else None):
        raise InputError(
            f"it has changed since: {shortened(changed)}\n"
            f"Give the source as it was: sweeps export {study.study_name} --space FILE.py:FUNCTION"
        )
    params = results.whole(study, PARAMS, trial.user_attrs, trial.number) if trial else {}
    return Definitions(own_space(named if space is None else space), params)


def _is_moved(named: str) -> bool:
    place = named.rpartition(":")[0]
    return place.endswith(".py") and not os.path.exists(os.path.expanduser(place))  # noqa: PTH110, PTH111  # as `sweep` does


def _trial_of(study: optuna.Study, file: Path) -> optuna.trial.FrozenTrial | None:
    digest = sha256(file)
    trials = study.get_trials(deepcopy=False)
    return next((trial for trial in trials if trial.user_attrs.get(MODEL_SHA256) == digest), None)


def _lambdas_allowed(study: str, file: Path) -> bool:
    """Whether a study of this workspace was begun with `allow_lambda`, and logged this very file."""
    try:
        opened = results.open_study(study)
    except SweepError:
        return False
    options = opened.user_attrs.get(IDENTITY, {}).get("options", {})
    return bool(options.get("allow_lambda")) and _trial_of(opened, file) is not None
