"""The MLflow UI over this workspace."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable

from sweeps.errors import BackendUnreachable, CorruptStore, InputError, SweepError
from sweeps.report.sweep_page import show
from sweeps.study import results
from sweeps.study.attributes import PARENT_RUN
from sweeps.study.record import find_record, in_reach, settle_workspace
from sweeps.system import paths
from sweeps.system.commands import by_make, hint
from sweeps.system.ports import check_port, wait_for_answer
from tracking.views import charts_page, run_page, trials_page


def serve(study: str | None, port: int, say: Callable[[str], object]) -> None:
    """Serve until interrupted, to this machine alone.

    Args:
        study: whose pages are named; None: that of the study that has changed last.
        say: called with the messages that have the addresses, once the server answers.

    Raises:
        InputError: there is nothing to show yet, or no such study.
        BackendUnreachable: the port is taken, or the server ended by itself.
    """
    uri = paths.tracking_uri()
    if uri.startswith(("http://", "https://")):
        said = "".join(f"\n{page}" for page in _pages(study, uri.rstrip("/")))
        raise InputError(f"MLFLOW_TRACKING_URI is a server; open it in a browser: {uri}{said}")
    if uri.startswith("sqlite:") and not (paths.home() / "mlflow.db").is_file():
        raise InputError(
            f"no sweep has run in {paths.home()} yet; start one: {'make sweep' if by_make() else 'sweeps run'}"
        )
    settle_workspace()
    address = f"http://127.0.0.1:{port}"
    pages = _pages(study, address)
    check_port(port, "ui")
    process = subprocess.Popen(_command(port), env=_environment(uri))
    try:
        if wait_for_answer(process, port):
            for said in pages or [f"MLflow: {address}"]:
                say(said)
            say("Ctrl-C ends it")
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait(timeout=10)
        raise
    if code:
        another = hint("ui", "", "--port", str(port + 1))
        raise BackendUnreachable(f"the MLflow server ended with code {code}; another port: {another}")


def _pages(study: str | None, address: str) -> list[str]:
    """The pages of a study, brought up to date where the store can be written.

    Raises:
        InputError: there is no such study.
    """
    if (name := study or results.latest()) is None:
        return []
    try:
        opened, store = results.open_study(name), find_record(name)
    except CorruptStore:
        if study is not None:
            raise
        return []  # the others of the workspace are there
    if store is None:
        return []
    with contextlib.suppress(SweepError), in_reach():
        show(opened, store)
    pages = {"trials, best first": trials_page(store), "trials as charts": charts_page(store)}
    if (parent := opened.user_attrs.get(PARENT_RUN)) is not None:
        pages["the sweep"] = run_page(store, parent)
    return [f"study {name}, {what}: {address}/{page}" for what, page in pages.items()]


def _command(port: int) -> list[str]:
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", f"127.0.0.1:{port},localhost:{port}"]
    if root := paths.artifact_root():
        command += ["--default-artifact-root", root]
    return command


def _environment(uri: str) -> dict[str, str]:
    return os.environ | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_BACKEND_STORE_URI": uri,  # not an argument, which other people's process lists show
    }
