"""Ports that are taken."""

from __future__ import annotations

import socket

from click.testing import CliRunner

from sweeps.cli.serve import serve
from sweeps.errors import BackendUnreachable


def test_a_taken_port_is_said_before_anything_is_prepared_with_a_command_that_works() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(serve, ["--model", "exports/none", "--port", str(port)])
    assert isinstance(done.exception, BackendUnreachable)
    assert f"port {port}: address already in use; another port:" in str(done.exception)
    assert "serve --model exports/none --port" in str(done.exception)
