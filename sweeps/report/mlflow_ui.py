"""The MLflow UI over this workspace."""

from __future__ import annotations

import os
import subprocess
import sys

from sweeps.errors import BackendUnreachable, InputError
from sweeps.study.record import settle_workspace
from sweeps.system import paths


def serve(port: int) -> None:
    """Serve until interrupted, to this machine alone.

    Raises:
        InputError: there is nothing to show yet.
        BackendUnreachable: the server ended by itself, most likely because the port is taken.
    """
    uri = paths.tracking_uri()
    if uri.startswith(("http://", "https://")):
        raise InputError(f"MLFLOW_TRACKING_URI is a server; open it in a browser: {uri}")
    if uri.startswith("sqlite:") and not (paths.home() / "mlflow.db").is_file():
        raise InputError(f"no sweep has run in {paths.home()} yet; start one: make sweep")
    settle_workspace()
    environment = os.environ | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument, which other people's process lists show
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += [
        "--port",
        str(port),
        "--workers",
        "1",
        "--allowed-hosts",
        f"127.0.0.1:{port},localhost:{port}",
    ]
    if root := paths.artifact_root():
        command += ["--default-artifact-root", root]
    process = subprocess.Popen(command, env=environment)
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait(timeout=10)
        raise
    if code:
        raise BackendUnreachable(f"the MLflow server ended with code {code}; another port: sweeps ui --port {port + 1}")
