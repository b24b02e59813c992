"""How `sweeps serve` tells that its server is gone."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeps.errors import BackendUnreachable
from sweeps.export import serve


def test_a_server_that_refuses_the_connection_is_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(BackendUnreachable, match="does not answer rows of the model"):
            serve.check(closed.getsockname()[1], {"request": {}, "answer": []})


def test_a_server_that_ends_by_itself_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextlib.contextmanager
    def ends(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
        yield subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    monkeypatch.setattr(serve, "prepare", lambda export, folder: {"request": {}, "answer": []})
    monkeypatch.setattr(serve, "served", ends)
    monkeypatch.setattr(serve, "check", lambda port, prepared: None)
    with pytest.raises(BackendUnreachable, match="ended with code 3"):
        serve.serve(tmp_path, 1, lambda said: None)
