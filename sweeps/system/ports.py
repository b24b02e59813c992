"""Ports of this machine that servers listen on."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time

from sweeps.errors import BackendUnreachable
from sweeps.system.commands import hint

#: seconds after which a server that does not answer is not waited for any more
PATIENCE = 120


def check_port(port: int, command: str, *options: str) -> None:
    """Check that a server can listen on 127.0.0.1.

    Args:
        command: the one that starts it, such as "ui".
        options: what it needs beside the port, for the message.

    Raises:
        BackendUnreachable: another process listens on that port, or this one may not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last server's connections may linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            another = port + 1 if port < 65535 else port - 1
            other = hint(command, "", *options, "--port", str(another))
            raise BackendUnreachable(f"port {port}: {said}; another port: {other}") from None


def wait_for_answer(process: subprocess.Popen[bytes], port: int, path: str = "/health") -> bool:
    """Wait until a server answers.

    Args:
        path: asked for; the answer 200 counts.

    Returns:
        False if the server has ended, or does not answer within `PATIENCE` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return True
        except (OSError, http.client.HTTPException):  # it does not listen yet
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    return False
