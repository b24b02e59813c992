"""Loading of `.keras` files, including models with custom classes."""

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
from sweeps.study.attributes import GIVEN, IDENTITY, MODEL_SHA256, PARAMS
from sweeps.system.atomic_files import sha256
from sweeps.system.commands import hint
from sweeps.system.import_keras import import_keras

if TYPE_CHECKING:
    import optuna

    from sweeps.space.definitions import Definitions
    from sweeps.space.reference import Space

#: how a model was loaded: by Keras alone; with the space's classes; with these, and compiled by the space; built by the
#: space, with the file's weights; without loss, metrics and optimizer; with the file's lambdas
PLAIN, BY_SPACE, RECOMPILED, REBUILT = "plain", "by space", "recompiled", "rebuilt"
UNCOMPILED, UNSAFE = "uncompiled", "unsafe"

#: Keras's errors about lambdas; the last is about a lambda as an activation
_LAMBDA_ERRORS = re.compile(r"Python lambda|`Lambda` layer|function identifier: \{'value': \[")


class Unloadable(Exception):
    """The file cannot be loaded in any way.

    Attributes:
        names: the classes and functions that Keras did not find.
        is_lambda: the file has a lambda, which safe mode refuses.
        reason: Keras's error of the first attempt, in one line.
    """

    def __init__(self, error: Exception) -> None:
        # the cause comes last: Keras wraps the error of each object in that of its container
        text = str(error).rpartition("Exception encountered: ")[2].strip()
        super().__init__(text)
        self.names = re.findall(r"Could not locate (?:class|function) '([^']+)'", str(error))
        self.is_lambda = _LAMBDA_ERRORS.search(str(error)) is not None
        self.reason = " ".join(text.split())[:300] or type(error).__name__


def load_keras_file(file: Path, study: str, space: str | Space | None = None) -> Any:
    """Load a `keras.Model` from a file in Keras's safe mode.

    Custom classes are taken from the registered spaces and from the study's space. That space is read from this
    workspace: a file cannot name code to run. Lambdas in the file are run only if the study was created with
    `allow_lambda` and has logged this file.

    Args:
        space: the study's space, if it was given as an object or its file has moved.

    Raises:
        InputError: a custom class is not found, or safe mode refuses the file.
        CorruptStore: the file is not a `.keras` file.
    """
    if not zipfile.is_zipfile(file):
        raise CorruptStore(f"{file} is not a .keras file, or is damaged")
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
    except Unloadable as error:
        raise _refusal(file, study, error, missing) from None


def _refusal(file: Path, study: str, error: Unloadable, missing: list[InputError]) -> InputError:
    """The error for the user.

    Args:
        missing: why the study's space is not available; empty if it is.
    """
    refused = f"{file} is refused in Keras's safe mode"
    if error.is_lambda:
        why = missing[0] if missing else f"the space of {study!r} does not build this model"
        return InputError(f"{refused}: it holds a lambda, which is code inside the file; {why}")
    if not error.names or not missing:
        return InputError(f"{refused}: {error.reason}")
    names = ", ".join(dict.fromkeys(error.names))
    return InputError(f"the model has a class of its own ({names}), defined by the space of {study!r}: {missing[0]}")


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Attributes:
        how: the way that loaded it (`PLAIN`, …).
        plain_error: why Keras alone could not load it; None if it could.
    """

    model: Any
    how: str
    plain_error: Unloadable | None


def load_by(file: Path, define: Callable[[], Definitions | None], lambdas_allowed: Callable[[], bool]) -> Loaded:
    """Load a model in the first way that succeeds.

    Args:
        define: returns the model's definitions, or None where they are not available; called if Keras alone cannot
            load the model.
        lambdas_allowed: whether the file's lambdas may be run; called if nothing else loads the model.

    Raises:
        Unloadable: no way succeeds.
    """
    first: Unloadable | None = None
    for how, load in _ways(file, define, lambdas_allowed):
        try:
            return Loaded(load(), how, first)
        except Exception as error:  # any error of safe mode and of a user's `from_config`
            first = first or Unloadable(error)
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

    # if safe mode is switched off for the process, Keras ignores the argument
    with SafeModeScope(safe_mode):
        return keras.saving.load_model(file, custom_objects=objects, compile=compile, safe_mode=safe_mode)


def _defined(study: optuna.Study, file: Path, space: str | Space | None) -> Definitions:
    """The definitions of the study's models, with the hyperparameters of the trial that logged the file.

    Raises:
        InputError: the study's space is not available.
    """
    from sweeps.space.definitions import Definitions
    from sweeps.space.resolve import own_space

    name = str(study.user_attrs[IDENTITY]["space"])
    if space is None:
        if "space" in study.user_attrs.get(GIVEN, ()):
            raise InputError(
                f"a program gave the space; use result.model() or result.export() there, or\n"
                f"sweeps.Result({study.study_name!r}, space={name}) where {name} is defined"
            )
        if ":" not in name:
            raise InputError(f"{name!r} is a registered space, which defines no classes")
        if _is_moved(name):
            raise InputError(
                f"its file {name.rpartition(':')[0]} does not exist; give its new path: "
                f"{hint('export', study.study_name, '--space', 'FILE.py:FUNCTION')}"
            )
        space = name
    trial = _trial_of(study, file)
    source = SpaceSource(Fingerprint.of(space))
    if changed := source.changes(study, trial.user_attrs.get(SPACE_VERSION) if trial else None):
        raise InputError(
            f"it has changed since: {shortened(changed)}\n"
            f"Use the unchanged source: {hint('export', study.study_name, '--space', 'FILE.py:FUNCTION')}"
        )
    params = results.whole(study, PARAMS, trial.user_attrs, trial.number) if trial else {}
    return Definitions(own_space(space), params)


def _is_moved(name: str) -> bool:
    place = name.rpartition(":")[0]
    return place.endswith(".py") and not os.path.exists(os.path.expanduser(place))  # noqa: PTH110, PTH111  # as in `sweep`


def _trial_of(study: optuna.Study, file: Path) -> optuna.trial.FrozenTrial | None:
    digest = sha256(file)
    trials = study.get_trials(deepcopy=False)
    return next((trial for trial in trials if trial.user_attrs.get(MODEL_SHA256) == digest), None)


def _lambdas_allowed(study: str, file: Path) -> bool:
    """Whether a study of this workspace was created with `allow_lambda` and has logged this file."""
    try:
        opened = results.open_study(study)
    except SweepError:
        return False
    options = opened.user_attrs.get(IDENTITY, {}).get("options", {})
    return bool(options.get("allow_lambda")) and _trial_of(opened, file) is not None
