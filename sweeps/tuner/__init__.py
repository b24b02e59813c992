"""KerasTuner's own interface over this engine.

    import sweeps.tuner as kt      # in place of: import keras_tuner as kt

    tuner = kt.RandomSearch(build_model, objective="val_accuracy", max_trials=5)
    tuner.search(x, y, epochs=10, validation_data=(x_valid, y_valid))
    tuner.get_best_models(1)[0]

Optuna's samplers propose the trials, Dask's workers run them with this project's training, and MLflow records them.
`directory` is the workspace (`SWEEPS_HOME`), and `project_name` determines the study's name.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from sweeps.system.import_keras import require_tensorflow

if TYPE_CHECKING:
    from keras_tuner import HyperModel, HyperParameters, Objective, Oracle, synchronized

    from sweeps.tuner import applications, engine, errors, oracles, tuners
    from sweeps.tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch, SklearnTuner, Tuner

__all__ = [
    "BayesianOptimization",
    "GridSearch",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "Objective",
    "Oracle",
    "RandomSearch",
    "SklearnTuner",
    "Tuner",
    "applications",
    "engine",
    "errors",
    "oracles",
    "synchronized",
    "tuners",
]

_MODULES = ("applications", "engine", "errors", "oracles", "tuners")
_OURS = ("BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner", "Tuner")


def __getattr__(name: str) -> Any:
    # importing this file alone does not import TensorFlow
    if name == "__version__":  # scripts print it, and ask for that of the interface
        return metadata.version("keras-tuner")
    if name not in __all__:
        raise AttributeError(f"module 'sweeps.tuner' has no attribute {name!r}")
    require_tensorflow()
    if name in _MODULES:
        return import_module(f"sweeps.tuner.{name}")
    return getattr(import_module("sweeps.tuner.tuners" if name in _OURS else "keras_tuner"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
