"""The MLflow UI is for this machine alone."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
from support import Workspace


@pytest.fixture(scope="module")
def served(finished: Workspace) -> Iterator[tuple[int, int]]:
    """`sweeps ui` over a finished sweep: its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    process = finished.start("ui", "--port", str(port))
    deadline = time.monotonic() + 120
    while answer(port, f"127.0.0.1:{port}") != 200:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.3)
    yield process.pid, port
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)


def answer(port: int, host: str) -> int:
    """The status of the first page for a Host header; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.mark.slow
def test_it_listens_to_this_machine_and_answers_to_its_own_name(served: tuple[int, int]) -> None:
    pid, port = served
    mine = psutil.Process(pid)
    processes = [mine, *mine.children(recursive=True)]
    listening = {
        found.laddr.ip
        for process in processes
        for found in process.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert answer(port, f"localhost:{port}") == 200
    assert answer(port, "evil.example") == 403
    servers = [process.environ() for process in processes if "mlflow" in " ".join(process.cmdline())]
    assert servers
    for environment in servers:
        assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert environment["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"
