"""The time of MLflow's and Optuna's calls in a worker.

Installed in a worker before the clock starts. A nested call counts as part of the outer one.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

_seconds: dict[str, float] = {}
_inside = threading.local()
_installed: list[bool] = []

_STUDY = ("ask", "tell", "get_trials")
_TRIAL = ("suggest_int", "suggest_float", "suggest_categorical", "report", "should_prune", "set_user_attr")


def install() -> None:
    """Time each public method of MLflow's client, and the methods of Optuna that a trial uses."""
    import mlflow
    import optuna

    if _installed:
        return
    client = mlflow.MlflowClient
    methods = [name for name, member in vars(client).items() if callable(member) and not name.startswith("_")]
    _wrap("mlflow", client, methods)
    _wrap("optuna", optuna.study.Study, _STUDY)
    _wrap("optuna", optuna.trial.Trial, _TRIAL)
    _installed.append(True)


def read() -> dict[str, float]:
    """The seconds of each call, such as `mlflow.log_batch`, in this process so far."""
    return dict(_seconds)


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that its seconds are added to `name`, unless another timed function calls it."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if getattr(_inside, "call", False):
            return function(*args, **kwargs)
        _inside.call = True
        began = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _seconds[name] = _seconds.get(name, 0.0) + time.perf_counter() - began
            _inside.call = False

    return call


def _wrap(library: str, owner: type, methods: Iterable[str]) -> None:
    for method in methods:
        setattr(owner, method, timed(f"{library}.{method}", getattr(owner, method)))
