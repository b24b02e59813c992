"""Ports that servers are to listen on."""

from __future__ import annotations

import socket

from sweeps.errors import BackendUnreachable
from sweeps.system.commands import hint


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
