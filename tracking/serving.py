"""`mlflow models serve`: a model in MLflow's layout, and the command that serves it."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.models import infer_signature

_CODE = Path(__file__).with_name("served_model.py")


def save_served(folder: Path, files: Path, predictor: str, example: Any, answer: Any) -> None:
    """Write a model in MLflow's layout into a folder that is not there; nothing of it is pickled.

    Args:
        files: the folder of the model's files, which are copied.
        predictor: `MODULE:FUNCTION`, which takes that folder and returns what predicts rows.
        example: a few rows, a table or arrays.
        answer: what is predicted of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hints about integers that may be missing, and about type hints
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(_CODE),
            artifacts={"files": str(files)},
            model_config={"predictor": predictor},
            signature=infer_signature(example, answer),
            input_example=example,
            pip_requirements=[f"{name}=={version(name)}" for name in ("keras-sweeps", "mlflow", "tensorflow")],
        )


def serve_command(folder: Path, port: int) -> list[str]:
    """The command line that serves such a folder on 127.0.0.1."""
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder)]
    return [*serve, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
