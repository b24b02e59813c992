"""Servers of pages: an answer to wait for."""

from __future__ import annotations

import http.client
import subprocess
import time

#: seconds after which a server that does not answer is not waited for any more
_PATIENCE = 120.0


def wait_for_answer(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a server answers; whether it does."""
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    return False
