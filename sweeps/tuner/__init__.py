"""KerasTuner's own interface over this engine.

    import sweeps.tuner as kt      # in place of: import keras_tuner as kt

    tuner = kt.RandomSearch(build_model, objective="val_accuracy", max_trials=5)
    tuner.search(x, y, epochs=10, validation_data=(x_valid, y_valid))
    tuner.get_best_models(1)[0]

Optuna's samplers propose the trials, Dask's workers run them with this project's training, and MLflow records them.
`directory` is the workspace (`SWEEPS_HOME`), and `project_name` determines the study's name.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sweeps.errors import InputError
from sweeps.system.import_keras import require_tensorflow


class NotOffered(InputError, AttributeError):
    """A name of KerasTuner without an equivalent here; as an AttributeError it makes `hasattr` false."""


if TYPE_CHECKING:
    from keras_tuner import HyperModel, HyperParameters, Objective, Oracle, applications, errors, oracles, synchronized

    from sweeps.tuner import tuners
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
    "errors",
    "oracles",
    "synchronized",
    "tuners",
]

_OURS = ("BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner", "Tuner")

_INSTEAD = {
    "engine": "HyperModel, HyperParameters and Objective are here; its other parts have no equivalent",
}


def __getattr__(name: str) -> Any:
    # importing this file alone does not import TensorFlow
    if name in _INSTEAD:
        raise NotOffered(f"keras_tuner.{name} has no equivalent in sweeps.tuner: {_INSTEAD[name]}")
    if name in __all__:
        require_tensorflow()
    if name == "tuners":
        return import_module("sweeps.tuner.tuners")
    if name in __all__:
        return getattr(import_module("sweeps.tuner.tuners" if name in _OURS else "keras_tuner"), name)
    raise AttributeError(f"module 'sweeps.tuner' has no attribute {name!r}")
