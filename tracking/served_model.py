"""The code of a model that `mlflow models serve` loads: it predicts by a function that the model's configuration names.

MLflow runs this file ("models from code"), so nothing is unpickled.
"""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

warnings.filterwarnings("ignore", ".*[Tt]ype hints?")  # a hint of MLflow's for those who write models


class ServedModel(PythonModel):  # type: ignore[misc]
    """Predicts with what `MODULE:FUNCTION` returns for the folder of the model's files."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model."""
        module, _, name = context.model_config["predictor"].partition(":")
        files = Path(context.artifacts["files"])
        self._predict = getattr(importlib.import_module(module), name)(files)

    # MLflow would take type hints for the model's schema
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """The predictions of some rows: a table, an array, or arrays by name."""
        return self._predict(model_input)


set_model(ServedModel())
