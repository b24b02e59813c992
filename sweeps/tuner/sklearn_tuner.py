"""KerasTuner's tuner of scikit-learn models, recorded like the others."""

from __future__ import annotations

import inspect
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from sweeps.errors import InputError, unknown
from sweeps.tuner.in_process import InProcess

_OPTIONS = tuple(name for name in inspect.signature(InProcess.__init__).parameters if name != "self")


class SklearnTuner(keras_tuner.SklearnTuner, InProcess):  # type: ignore[misc]
    """Cross-validated search of scikit-learn models; see `keras_tuner.SklearnTuner`.

    Raises:
        InputError: an argument is wrong.
    """

    _reason = "SklearnTuner"

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        hypermodel: Any,
        scoring: Any = None,
        metrics: Any = None,
        cv: Any = None,
        **kwargs: Any,
    ) -> None:
        for name in kwargs:
            if name not in _OPTIONS:
                raise unknown("tuner argument", name, _OPTIONS)
        if not (isinstance(hypermodel, keras_tuner.HyperModel) or callable(hypermodel)):
            raise InputError(f"hypermodel: a function build(hp) or a HyperModel is needed, got {hypermodel!r}")
        super().__init__(oracle, hypermodel, scoring, metrics, cv, **kwargs)

    def _kept_model(self, trial: Trial) -> None:
        """No model of Keras."""
