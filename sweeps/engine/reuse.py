"""A worker process between two sweeps: what the first has left is gone, what the second brings is there.

What a new process would have anew (modules of the user, registrations with Keras, caches, open files, the working
directory, variables) a worker that is used again must not have from before. The functions are tasks: they run in the
thread that trials run in.
"""

from __future__ import annotations

import functools
import multiprocessing.spawn
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

from sweeps.system import worker_process

#: variables that are read when they are needed; others are read once, when a process starts or imports a library
READ_LATE = ("SWEEPS_", "MLFLOW_")
#: bytes that a worker may have more of than before its first trial; one that has keeps data for good
_GROWTH = 500_000_000

#: what libraries have set in the process that workers are forked from, where they were imported
IMPORTED: dict[str, str] = {}

_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_CACHED = type(functools.cache(lambda: None))
_PACKAGES = ("sweeps", "search_spaces", "tracking")


@dataclass(frozen=True)
class _New:
    """A worker before its first sweep."""

    modules: frozenset[str]
    registered: Mapping[str, Any]
    names: Mapping[Any, str]
    memory: int


_new: _New | None = None


def remember() -> None:
    """Called once all is imported that trials need: what comes later, a sweep has brought."""
    from keras.src.saving import object_registration as registration

    global _new
    registered, names = dict(registration.GLOBAL_CUSTOM_OBJECTS), dict(registration.GLOBAL_CUSTOM_NAMES)
    _new = _New(frozenset(sys.modules), registered, names, _memory())


def leave() -> bool:
    """Forget the sweep that has ended, and free its memory.

    Returns:
        Whether this process can be used again.
    """
    if _new is None:  # no task of a sweep has begun here
        return True
    from keras.src.saving import object_registration as registration

    from sweeps.model import keras_state
    from sweeps.study import study
    from sweeps.training import clear_session
    from sweeps.training.resident import RESIDENT
    from sweeps.trial.line import hang_up
    from tracking.connections import disconnect

    for caches, new in (
        (registration.GLOBAL_CUSTOM_OBJECTS, _new.registered),
        (registration.GLOBAL_CUSTOM_NAMES, _new.names),
    ):
        caches.clear()
        caches.update(new)
    for cached in _caches():
        cached.cache_clear()
    study.forget()
    hang_up()
    keras_state.forget()
    RESIDENT.clear()
    worker_process.leave_log()
    worker_process.withdraw_stop()
    disconnect()
    for name, module in list(sys.modules.items()):
        if name not in _new.modules and _is_of_user(module):
            del sys.modules[name]
    clear_session()
    return _memory() < _new.memory + _GROWTH


@dataclass(frozen=True)
class Surroundings:
    """What a worker has of the process that started it.

    Attributes:
        folder: the working directory.
        path: where modules are searched.
        variables: those of the environment that are not what they were; None: not there any more.
    """

    folder: str
    path: tuple[str, ...]
    variables: Mapping[str, str | None]

    @classmethod
    def here(cls, environment: Mapping[str, str], changed: Set[str]) -> Surroundings:
        """Those of this process.

        Args:
            environment: the one that the worker was started with.
            changed: names of variables that it has been given since.
        """
        names = {
            name for name in environment.keys() | os.environ.keys() if environment.get(name) != os.environ.get(name)
        }
        variables = {name: os.environ.get(name) for name in names | changed}
        path = multiprocessing.spawn.get_preparation_data("")["sys_path"]  # as a process that is started has it
        return cls(str(Path.cwd()), tuple(path), variables)


def enter(surroundings: Surroundings) -> bool:
    """Make these the surroundings of this process; whether they can be."""
    os.chdir(surroundings.folder)
    sys.path[:] = surroundings.path
    for name, value in surroundings.variables.items():
        if value in (os.environ.get(name), IMPORTED.get(name, "")):
            continue
        if not name.startswith(READ_LATE):
            return False
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    return True


def _memory() -> int:
    return int(psutil.Process().memory_info().rss)


def _caches() -> Iterator[Any]:
    """The functions of this project that keep what they return; what is compiled for this machine stays."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_PACKAGES) and not name.startswith("sweeps.dense_kernels"):
            yield from (value for value in list(vars(module).values()) if isinstance(value, _CACHED))


def _is_of_user(module: ModuleType) -> bool:
    """Whether a module is one that a person edits: of a file that is neither installed nor Python's own."""
    if not isinstance(module, ModuleType) or module.__name__.partition(".")[0] in _PACKAGES:
        return False
    named = vars(module)  # to ask a module that is loaded late for an attribute would load it
    places = [named.get("__file__"), *(named.get("__path__") or ())]
    files = [Path(place) for place in places if isinstance(place, str)]
    return bool(files) and not any(_INSTALLED & {*file.parts} or str(file).startswith(_LIBRARIES) for file in files)
