"""From a name to a search space, and from a space to a model that can be trained.

A space is a `keras_tuner.HyperModel`: a registered one by its name, or a person's own as `module:function`,
`path/to/file.py:function`, or the same with a HyperModel class or instance in place of the function.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import sysconfig
import textwrap
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import keras_tuner
from keras.src.utils.naming import reset_uids

from search_spaces import DataSpec
from search_spaces.metrics import names_for
from search_spaces.registry import SPACES
from sweeps.errors import InputError, NoModel, SweepError, unknown, without_passwords
from sweeps.model import keras_state
from sweeps.model.memory import bounded_weights
from sweeps.space.hyperparameters import CheckedHyperParameters
from sweeps.space.reference import PackedSpace


class BuildFunction(keras_tuner.HyperModel):  # type: ignore[misc]
    """A person's `build(hp)` as a space."""

    def __init__(self, function: Callable[[keras_tuner.HyperParameters], keras.Model]) -> None:
        super().__init__(name=getattr(function, "__name__", "build"))
        self.function = function

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """What the function returns."""
        return self.function(hp)


def resolve(
    space: str | PackedSpace | Callable[..., Any] | keras_tuner.HyperModel,
    spec: DataSpec,
    metrics: tuple[str, ...] = (),
) -> keras_tuner.HyperModel:
    """The space that a name stands for, or that is given as an object.

    Args:
        space: a registered name, `module:attribute`, `path/to/file.py:attribute`, a build function or a
            HyperModel, packed or not.
        spec: the data, for a registered space; a person's own knows its data itself.
        metrics: to be taken beside the target's own, for a registered space likewise.

    Raises:
        InputError: there is no such space, and the message says which part of the name is wrong; or there are no
            such metrics.
    """
    if isinstance(space, PackedSpace):
        space = space.open()
    if metrics:
        spec = _with_metrics(space, spec, metrics)
    if isinstance(space, str) and space in SPACES:
        return SPACES[space](spec)
    return own_space(space)


def own_space(space: str | Callable[..., Any] | keras_tuner.HyperModel) -> keras_tuner.HyperModel:
    """A person's own space, from its name or from an object.

    Raises:
        InputError: there is no such space; see `resolve`.
    """
    if not isinstance(space, str):
        return _hypermodel(space, getattr(space, "__name__", type(space).__name__))
    if space.endswith(".py"):
        raise InputError(f"a space in a file must be named FILE.py:FUNCTION, got {space!r}")
    place, _, attribute = space.rpartition(":")
    if not place:
        raise unknown("space", space, (*SPACES, "module:function", "path/to/file.py:function"))
    module = import_place(place)
    if not hasattr(module, attribute):
        names = [name for name, found in vars(module).items() if callable(found) and not name.startswith("_")]
        raise unknown(f"function in {place}", attribute, names)
    return _hypermodel(getattr(module, attribute), space)


def _with_metrics(space: Any, spec: DataSpec, metrics: tuple[str, ...]) -> DataSpec:
    if not isinstance(space, str) or space not in SPACES:
        raise InputError(f"metrics: a space of your own compiles its metrics itself, got {', '.join(metrics)}")
    for name in metrics:
        if name not in (known := names_for(spec.target)):
            raise unknown(f"metric for a target of kind {spec.target}:", name, known)
    return replace(spec, metrics=metrics)


def import_place(place: str, what: str = "a space") -> ModuleType:
    """The module that holds `what`: `path/to/file.py`, or a name that can be imported.

    Raises:
        InputError: it is not there, or raises.
    """
    return load_file(place, what) if place.endswith(".py") else _import(place, what)


def load_file(path: str, what: str = "a space") -> ModuleType:
    """A Python file as a module, run once a process; what lies beside it can be imported by it.

    Raises:
        InputError: there is no such file, or it raises; with the line that does.
    """
    file = Path(path).expanduser().resolve()
    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise InputError(f"the file of {what} must exist, got {path!r}")
    found = importlib.util.spec_from_file_location(name, file)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        found.loader.exec_module(module)
    except (Exception, SystemExit) as wrong:
        del sys.modules[name]
        raise InputError(f"{path} cannot be loaded: {explain(wrong)}") from wrong
    return module


def build(space: keras_tuner.HyperModel, hp: keras_tuner.HyperParameters, shared: bool = False) -> keras.Model:
    """One model of a space, compiled, with the sweep's settings of Keras (`keras_state`); it may still be without
    weights, if it has no Input layer.

    Args:
        shared: see `bounded_weights`; the model is not to be trained.

    Raises:
        NoModel: the space's build function raises, or returns something that cannot be trained.
        InputError: it declares a hyperparameter that cannot be one.
    """
    keras_state.restore()
    try:
        with bounded_weights(shared):
            reset_uids()  # its metrics are called as in a process of its own: `auc`, not `auc_3`
            model = space.build(hp)
    except SweepError:
        raise
    except (Exception, SystemExit) as wrong:
        raise NoModel(f"space {space.name!r} cannot build a model: {explain(wrong)}") from wrong
    if not isinstance(model, keras.Model):
        raise NoModel(f"space {space.name!r} must build a keras.Model, got {type(model).__name__}")
    if not model.compiled:
        raise NoModel(f"space {space.name!r} must build a compiled model, got one without model.compile(…)")
    return model


def declaration(
    space: keras_tuner.HyperModel, *fit_args: Any, **fit_kwargs: Any
) -> Callable[[CheckedHyperParameters], object]:
    """A function that asks for all hyperparameters of a space, those drawn in its `fit` included, without
    training.

    Args:
        space: the space.
        fit_args, fit_kwargs: for the space's `fit`: a few rows of the data will do.
    """

    def declare(hp: CheckedHyperParameters) -> object:
        model = build(space, hp, shared=True)
        model.fit = lambda *_, **__: _untrained()
        try:
            space.fit(hp, model, *fit_args, **fit_kwargs)
        except SweepError:
            raise
        except (Exception, SystemExit) as wrong:
            raise NoModel(f"space {space.name!r} cannot fit a model: {explain(wrong)}") from wrong
        return model

    return declare


#: lines of Keras's and TensorFlow's messages that say where, not what
_WHERE = re.compile(
    r"Exception encountered when calling|Graph execution error|Detected at node|File \"|<stack traces unavailable>"
    r"|Stack trace|\[\[\{\{node|Traceback \(most recent"
)
#: what follows the message proper
_BESIDE = re.compile(r"Arguments received by|Example:|Full object config:|config=\{|Call arguments received")


def explain(wrong: BaseException) -> str:
    """An exception in one line: type, what its text says of the cause, and the line of a person's own that raised."""
    text = without_passwords(re.sub(r"\x1b\[\d*m", "", str(wrong)))  # Keras prints the line that matters in bold
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    end = next((n for n, line in enumerate(lines) if n and _BESIDE.match(line)), len(lines))
    said = " ".join([line for line in lines[:end] if not _WHERE.match(line)] or lines)
    text = f"{type(wrong).__name__}: {textwrap.shorten(said, 400, placeholder=' …')}" if said else type(wrong).__name__
    if isinstance(wrong, SyntaxError):
        return f"{text} ({wrong.filename}, line {wrong.lineno})"
    others = (
        str(Path(__file__).parents[1]),
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        "<frozen",
    )
    frames = traceback.extract_tb(wrong.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(others)]
    return f"{text} ({own[-1].filename}, line {own[-1].lineno})" if own else text


def comes_of(error: BaseException, kind: type[BaseException]) -> bool:
    """Whether an error is of that kind, or was raised for one that is."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, kind):
        found = found.__cause__
    return found is not None


def _untrained() -> keras.callbacks.History:
    """A history that has a figure for whatever it is asked."""
    history = keras.callbacks.History()
    history.history = defaultdict(lambda: [0.0])
    return history


def _import(name: str, what: str) -> ModuleType:
    # A console script, unlike `python -m`, does not look for modules in the current folder.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as wrong:
        if wrong.name is not None and name.startswith(wrong.name):
            raise InputError(f"the module of {what} must exist, got {name!r}") from None
        raise InputError(f"module {name!r} cannot be loaded: {explain(wrong)}") from wrong
    except (Exception, SystemExit) as wrong:
        raise InputError(f"module {name!r} cannot be loaded: {explain(wrong)}") from wrong


def _hypermodel(found: Any, name: str) -> keras_tuner.HyperModel:
    if isinstance(found, keras_tuner.HyperModel):
        return found
    if inspect.isclass(found) and issubclass(found, keras_tuner.HyperModel):
        try:
            return found()
        except TypeError as wrong:
            raise InputError(f"space {name!r} must be made without arguments: {wrong}") from wrong
    if not callable(found):
        raise InputError(f"space {name!r} must be a function build(hp) or a HyperModel, got {type(found).__name__}")
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        raise InputError(f"space {name!r} must take one argument, build(hp), got {_signature(found)}") from None
    return BuildFunction(found)


def _signature(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__name__', 'build')}{inspect.signature(function)}"
