"""A real MLflow server that can be stopped and started again, and a proxy before it that loses answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MlflowServer:
    """`mlflow server` over a folder of its own.

    Args:
        database: None: a SQLite file in the folder.
    """

    def __init__(self, folder: Path, database: str | None = None) -> None:
        self.folder, self.port, self.database = folder, free_port(), database or f"sqlite:///{folder / 'server.db'}"
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 540) -> None:
        """Start and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", self.database, "--workers", "1"]
        command += ["--artifacts-destination", (self.folder / "artifacts").as_uri(), "--allowed-hosts", "*"]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return
            assert self._process.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the MLflow server does not come up"
            time.sleep(0.3)

    def stop(self) -> None:
        """Kill it, with its workers."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=300)
            self._process = None


class Proxy:
    """Passes connections on to a server, unless it is told otherwise.

    Attributes:
        away: connections are closed as soon as they are made.
        lose: the answer to the next request that holds these bytes is lost, though the server has done it.
    """

    def __init__(self, port: int) -> None:
        self._server, self.away, self.lose, self.lost = port, False, b"", 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_away(self) -> None:
        """Cut all connections, and let no new one through."""
        self.away = True
        for one in list(self._open):
            _close(one)

    def close(self) -> None:
        self.go_away()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self.away:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._server))
            self._open |= {client, server}
            losing = threading.Event()
            for source, sink, asks in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(source, sink, asks, losing), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, asks: bool, losing: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if asks and self.lose and self.lose in data:
                    self.lose = b""
                    losing.set()
                if not asks and losing.is_set():
                    self.lost += 1
                    break
                sink.sendall(data)
        for one in (source, sink):
            self._open.discard(one)
            _close(one)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


#: PostgreSQL does not run as root
_USER = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []


class Postgres:
    """A server over a folder of its own, on 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._do("initdb", "-D", str(folder / "data"), "-U", "me", "-A", "trust", "-E", "UTF8", "--no-sync")

    def uri(self, scheme: str = "postgresql", user: str = "me") -> str:
        """Of its database, in which everybody may do everything."""
        return f"{scheme}://{user}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self._do(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        """As when its machine loses power."""
        self._do("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _do(self, *command: str) -> None:
        subprocess.run([*_USER, *command], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=60)


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server while the block runs; without PostgreSQL's programs the test is skipped."""
    if not shutil.which("pg_ctl"):
        pytest.skip("PostgreSQL's pg_ctl is not on the path")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if _USER:
        shutil.chown(folder, "nobody")
    server = Postgres(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
