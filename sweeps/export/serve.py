"""An export as a model for `mlflow models serve`: prepared, started, and asked whether it answers as it should."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests

from sweeps.errors import BackendUnreachable, InputError
from sweeps.export.formats import FORMATS
from sweeps.export.inputs import drawn
from sweeps.export.manifest import Manifest, read_manifest
from sweeps.system.commands import hint
from sweeps.system.import_keras import import_keras
from sweeps.system.ports import PATIENCE, wait_for_answer

#: rows of the request that checks the server
_ROWS = 3
_PREDICTOR = "sweeps.export.served:predictor"


def prepare(export: Path, folder: Path) -> dict[str, Any]:
    """Write an MLflow model of an export into a folder that is not there.

    Args:
        export: the folder of an export with a SavedModel.

    Returns:
        A request for `/invocations`, as JSON values, and under "answer" what the model predicts for it.

    Raises:
        InputError: it is no export, or has no SavedModel.
        CorruptStore: a file of it has changed.
    """
    import_keras()
    from sweeps.export.served import predictor
    from tracking.serving import save_served

    manifest = read_manifest(export, ("saved_model/",))
    saved_model = FORMATS["savedmodel"].path
    if not (export / saved_model).is_dir():
        raise InputError(f"{export} has no {saved_model}, which is served: {hint('export', manifest.study, '--force')}")
    example, request = _example(manifest)
    answer = predictor(export)(example)
    with tempfile.TemporaryDirectory(prefix="sweeps-serve-") as place:
        files = Path(place) / "files"
        shutil.copytree(export / saved_model, files / saved_model)
        for name in ("labels.json", "manifest.json", "model.keras"):
            shutil.copy2(export / name, files / name)
        save_served(folder, files, _PREDICTOR, example, answer)
    return {"request": request, "answer": answer}


def _example(manifest: Manifest) -> tuple[Any, dict[str, Any]]:
    """A few random rows as the model's signature has them, and as a request."""
    import pandas as pd

    arrays = drawn(manifest.input, _ROWS)
    names = [entry.name for entry in manifest.input]
    if all(entry.shape[1:] == (1,) for entry in manifest.input) and manifest.named_inputs:
        table = pd.DataFrame({name: array[:, 0] for name, array in zip(names, arrays, strict=True)})
        return table, {"dataframe_records": json.loads(table.to_json(orient="records"))}
    if len(arrays) == 1 and not manifest.named_inputs:
        return arrays[0], {"inputs": arrays[0].tolist()}
    given = dict(zip(names, arrays, strict=True))
    return given, {"inputs": {name: array.tolist() for name, array in given.items()}}


@contextlib.contextmanager
def served(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The server of an MLflow model, which is ended at the end of the block.

    Raises:
        BackendUnreachable: it ends by itself, most likely because the port is taken.
    """
    from tracking.serving import serve_command

    environment = os.environ | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # where MLflow looks for the server's program
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    process = subprocess.Popen(serve_command(folder, port), env=environment, start_new_session=True)
    try:
        _wait(process, port)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)  # its workers, too
        process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    if wait_for_answer(process, port, "/ping"):
        return
    if process.poll() is not None:
        raise BackendUnreachable(
            f"mlflow models serve ended with code {process.returncode}; another port: --port {port + 1}"
        )
    raise BackendUnreachable(f"mlflow models serve does not answer after {PATIENCE} seconds")


def check(port: int, prepared: dict[str, Any]) -> None:
    """Ask the server for what `prepare` has predicted.

    Raises:
        BackendUnreachable: it answers something else, or not at all.
    """
    try:
        response = requests.post(f"http://127.0.0.1:{port}/invocations", json=prepared["request"], timeout=60)
    except requests.RequestException as error:
        raise BackendUnreachable(f"mlflow models serve does not answer rows of the model: {error}") from None
    if not response.ok:
        raise BackendUnreachable(f"mlflow models serve refuses rows of the model: {response.text[:300]}")
    if not _alike(response.json()["predictions"], prepared["answer"]):
        raise BackendUnreachable("mlflow models serve predicts something else than the export")


def _alike(one: Any, other: Any) -> bool:
    """Whether JSON values are the same, numbers within 1e-4."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    return bool(one == other)


def serve(export: Path, port: int, tell: Callable[[str], object]) -> None:
    """Serve an export on 127.0.0.1 until interrupted.

    Args:
        tell: is told what is done, and at last how the server is asked.

    Raises:
        InputError, CorruptStore: see `prepare`.
        BackendUnreachable: the server does not start, predicts something else than the export, or ends by itself.
    """
    tell(f"preparing {export} for mlflow models serve …")
    with tempfile.TemporaryDirectory(prefix="sweeps-serve-") as place:
        prepared = prepare(export, Path(place) / "model")
        tell("starting the server …")
        with served(Path(place) / "model", port) as process:
            check(port, prepared)
            tell(
                f"checked: it predicts what the export does. Ask it, and end it with Ctrl-C:\n{example(port, prepared)}"
            )
            if code := process.wait():
                raise BackendUnreachable(f"mlflow models serve ended with code {code}")


def example(port: int, prepared: dict[str, Any]) -> str:
    """A command that asks the server for a row; one of many numbers is cut."""
    request = json.dumps(
        {name: rows[:1] if isinstance(rows, list) else rows for name, rows in prepared["request"].items()}
    )
    shown = request if len(request) <= 600 else f"{request[:500]} … "
    return f"curl http://127.0.0.1:{port}/invocations -H 'Content-Type: application/json' -d '{shown}'"
