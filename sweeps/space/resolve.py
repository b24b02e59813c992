"""From a name to a search space, and from a space to a compiled model.

A space is a `keras_tuner.HyperModel`: a registered one by its name, or the user's own as `module:function` or
`path/to/file.py:function`, where the function may also be a HyperModel class or instance.
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
from keras_tuner import errors

from search_spaces import DataSpec
from search_spaces.metric_names import names_for
from search_spaces.registry import SPACES
from sweeps.errors import InputError, NoModel, SweepError, unknown, without_passwords
from sweeps.model import keras_state
from sweeps.model.memory import bounded_weights
from sweeps.space.hyperparameters import CheckedHyperParameters
from sweeps.space.reference import PackedSpace
from sweeps.space.shipped import ShippedSpace


class BuildFunction(keras_tuner.HyperModel):  # type: ignore[misc]
    """A user's `build(hp)` as a space."""

    def __init__(self, function: Callable[[keras_tuner.HyperParameters], keras.Model]) -> None:
        super().__init__(name=getattr(function, "__name__", "build"))
        self.function = function

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Call the function."""
        return self.function(hp)


def resolve(
    space: str | PackedSpace | ShippedSpace | Callable[..., Any] | keras_tuner.HyperModel,
    spec: DataSpec,
    metrics: tuple[str, ...] = (),
) -> keras_tuner.HyperModel:
    """Find or load a space.

    Args:
        space: a registered name, `module:attribute`, `path/to/file.py:attribute`, a build function or a HyperModel,
            pickled or not; or the sources of one.
        spec: of the data, for a registered space.
        metrics: additional metrics, for a registered space.

    Raises:
        InputError: there is no such space, or no such metric for the data's target.
    """
    if isinstance(space, PackedSpace):
        space = space.open()
    elif isinstance(space, ShippedSpace):
        space = space.unpacked()
    if isinstance(space, str) and space in SPACES:
        known = names_for(spec.target)
        for name in metrics:
            if name not in known:
                raise unknown(f"metric for a target of kind {spec.target}:", name, known)
        return SPACES[space](replace(spec, metrics=metrics) if metrics else spec)
    if metrics:
        raise InputError(f"metrics: a space of your own compiles its metrics itself, got {', '.join(metrics)}")
    return own_space(space)


def own_space(space: str | Callable[..., Any] | keras_tuner.HyperModel) -> keras_tuner.HyperModel:
    """The user's own space, from its name or from an object.

    Raises:
        InputError: there is no such space; the message says which part of the name is error.
    """
    if not isinstance(space, str):
        return _hypermodel(space, getattr(space, "__name__", type(space).__name__))
    if space.endswith(".py"):
        raise InputError(f"a space in a file must be named FILE.py:FUNCTION, got {space!r}")
    source, _, attribute = space.rpartition(":")
    if not source:
        raise unknown("space", space, (*SPACES, "module:function", "path/to/file.py:function"))
    module = import_source(source)
    if not hasattr(module, attribute):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise unknown(f"function in {source}", attribute, names)
    return _hypermodel(getattr(module, attribute), space)


def import_source(source: str, what: str = "a space") -> ModuleType:
    """Import `path/to/file.py` or a module by name.

    Args:
        source: a path that ends with ``.py``, or a module's name.
        what: is defined there, for errors.

    Raises:
        InputError: it does not exist, or raises.
    """
    return load_file(source, what) if source.endswith(".py") else _import(source, what)


def load_file(path: str, what: str = "a space") -> ModuleType:
    """Import a Python file, once per process; it can import modules of its folder.

    Raises:
        InputError: there is no such file, or it raises; the message has the line.
    """
    file = Path(path).expanduser().resolve()
    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not file.is_file():
        raise InputError(f"the file of {what} must exist, got {path!r}")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InputError(f"{path} cannot be loaded: {explain(error)}") from error
    return module


def build(space: keras_tuner.HyperModel, hp: keras_tuner.HyperParameters, shared: bool = False) -> keras.Model:
    """Build a compiled model with the sweep's Keras settings (`keras_state`).

    A model without Input layers may have no weights yet.

    Args:
        space: the space.
        hp: the hyperparameters.
        shared: see `bounded_weights`; such a model cannot be trained.

    Raises:
        NoModel: the space's build function raises, or does not return a compiled model.
        InputError: a declaration of a hyperparameter is invalid.
    """
    keras_state.restore()
    try:
        with bounded_weights(shared):
            reset_uids()  # so that metrics are named as in a new process: `auc`, not `auc_3`
            model = space.build(hp)
    except SweepError:
        raise
    except (Exception, SystemExit) as error:
        raise NoModel(f"space {space.name!r} cannot build a model: {explain(error)}") from error
    if not isinstance(model, keras.Model):
        raise NoModel(f"space {space.name!r} must build a keras.Model, got {type(model).__name__}")
    if not model.compiled:
        raise NoModel(f"space {space.name!r} must build a compiled model, got one without model.compile(…)")
    return model


def input_names(space: str | Callable[..., Any] | keras_tuner.HyperModel) -> tuple[str, ...]:
    """The names of the Input layers of a user's model with the default values; () where it has none.

    Raises:
        InputError: there is no such space, or it cannot build its model.
    """
    model = build(own_space(space), keras_tuner.HyperParameters(), shared=True)
    keras.utils.clear_session()
    return tuple(tensor.name for tensor in getattr(model, "inputs", None) or ())


def declaration(
    space: keras_tuner.HyperModel, *fit_args: Any, **fit_kwargs: Any
) -> Callable[[CheckedHyperParameters], object]:
    """A function that declares all hyperparameters of a space, those in its `fit` included, without training.

    Args:
        space: the space.
        fit_args, fit_kwargs: for the space's `fit`; a few rows of the data are enough.
    """

    def declare(hp: CheckedHyperParameters) -> object:
        model = build(space, hp, shared=True)
        model.fit = lambda *_, **__: _untrained()
        try:
            space.fit(hp, model, *fit_args, **fit_kwargs)
        except SweepError:
            raise
        except (Exception, SystemExit) as error:
            raise NoModel(f"space {space.name!r} cannot fit a model: {explain(error)}") from error
        return model

    return declare


#: lines of Keras's and TensorFlow's messages with the location, not the cause
_LOCATION = re.compile(
    r"Exception encountered when calling|Graph execution error|Detected at node|File \"|<stack traces unavailable>"
    r"|Stack trace|\[\[\{\{node|Traceback \(most recent"
)
#: lines that follow the message itself
_APPENDIX = re.compile(r"Arguments received by|Example:|Full object config:|config=\{|Call arguments received")


def explain(error: BaseException) -> str:
    """An exception in one line: its type, the cause in its text, and the line of the user's code that raised it."""
    text = without_passwords(re.sub(r"\x1b\[\d*m", "", str(error)))  # Keras prints the important line in bold
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    end = next((n for n, line in enumerate(lines) if n and _APPENDIX.match(line)), len(lines))
    cause = " ".join([line for line in lines[:end] if not _LOCATION.match(line)] or lines)
    text = (
        f"{type(error).__name__}: {textwrap.shorten(cause, 400, placeholder=' …')}" if cause else type(error).__name__
    )
    if isinstance(error, SyntaxError):
        return f"{text} ({error.filename}, line {error.lineno})"
    libraries = (str(Path(__file__).parents[1]), *map(sysconfig.get_path, ("stdlib", "purelib")), "<frozen")
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(libraries)]
    return f"{text} ({own[-1].filename}, line {own[-1].lineno})" if own else text


def fatal_kind(error: BaseException) -> str | None:
    """The class of `keras_tuner.errors` by which the user's code ends a search; None where it does not.

    Of a class that the user has derived from one of them, the one that it is derived from.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, errors.FatalError):
        cause = cause.__cause__
    names = [known.__name__ for known in type(cause).__mro__ if known.__module__ == errors.FatalError.__module__]
    return names[0] if names else None


def _untrained() -> keras.callbacks.History:
    """A history with a value for every metric."""
    history = keras.callbacks.History()
    history.history = defaultdict(lambda: [0.0])
    return history


def _import(name: str, what: str) -> ModuleType:
    # unlike `python -m`, a console script does not import from the current folder
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name is not None and name.startswith(error.name):
            raise InputError(f"the module of {what} must exist, got {name!r}") from None
        raise InputError(f"module {name!r} cannot be loaded: {explain(error)}") from error


def _hypermodel(value: Any, name: str) -> keras_tuner.HyperModel:
    if isinstance(value, keras_tuner.HyperModel):
        return value
    if inspect.isclass(value) and issubclass(value, keras_tuner.HyperModel):
        try:
            return value()
        except TypeError as error:
            raise InputError(f"space {name!r} must be made without arguments: {error}") from error
    if not callable(value):
        raise InputError(f"space {name!r} must be a function build(hp) or a HyperModel, got {type(value).__name__}")
    try:
        inspect.signature(value).bind(None)
    except TypeError:
        raise InputError(f"space {name!r} must take one argument, build(hp), got {_signature(value)}") from None
    return BuildFunction(value)


def _signature(function: Callable[..., Any]) -> str:
    return f"{getattr(function, '__name__', 'build')}{inspect.signature(function)}"
