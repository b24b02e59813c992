"""Debian's Chromium without a window: a page is opened, looked at, clicked and drawn.

It is driven by the Chrome DevTools Protocol over a web socket, for which Tornado, a part of Dask, has a client.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

CHROMIUM = shutil.which("chromium")
#: the reason of a skipped test
MISSING = "Chromium is not installed (apt-get install chromium)"
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-port=0"),
)


class Page:
    """A page of a browser of its own; a context manager that ends the browser.

    Args:
        width, height: of the window, in pixels.
        options: further ones of Chromium.
    """

    def __init__(self, width: int = 1500, height: int = 1000, *options: str) -> None:
        self._options = (*_OPTIONS, f"--window-size={width},{height}", *options)
        self._loop, self._number = asyncio.new_event_loop(), 0
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)

    def __enter__(self) -> Page:
        folder = Path(self._profile.name)
        command = [str(CHROMIUM), *self._options, f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = folder / "DevToolsActivePort"
        deadline = time.monotonic() + 120
        while not found.exists() or "\n" not in found.read_text():
            assert self._process.poll() is None, "Chromium has ended"
            assert time.monotonic() < deadline, "Chromium does not start"
            time.sleep(0.1)
        port = int(found.read_text().splitlines()[0])
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            socket = json.load(answer)["webSocketDebuggerUrl"]
        self._socket: WebSocketClientConnection = self._loop.run_until_complete(_connected(socket))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)
        self._loop.close()
        self._profile.cleanup()

    def open(self, address: str, shows: str, seconds: float = 120) -> None:
        """Open an address, and wait until the page shows a text."""
        self.call("Page.navigate", url=address)
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(shows)})", seconds)

    @property
    def text(self) -> str:
        """What a person reads."""
        return str(self.run("document.body.innerText"))

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 120) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < deadline, f"{condition} is not true; the page shows:\n{self.text}"
            time.sleep(0.2)

    def click(self, selector: str, text: str = "") -> bool:
        """Click the first element that matches and has that text; whether there is one."""
        matching = f"[...document.querySelectorAll({json.dumps(selector)})]"
        found = f"{matching}.find(one => one.textContent.includes({json.dumps(text)}))"
        return bool(self.run(f"(one => one && (one.click(), true))({found})"))

    def draw(self, to: Path) -> None:
        """Save what the window shows as a PNG."""
        to.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """What a method of the protocol returns."""
        self._number += 1
        sent = json.dumps({"id": self._number, "method": method, "params": params})
        return self._loop.run_until_complete(asyncio.wait_for(self._answer(sent), 120))

    async def _answer(self, sent: str) -> dict[str, Any]:
        await self._socket.write_message(sent)
        while (message := await self._socket.read_message()) is not None:
            answer = json.loads(message)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
        raise AssertionError("Chromium has closed the connection")


async def _connected(address: str) -> WebSocketClientConnection:
    # a picture is one message
    return await websocket_connect(address, max_message_size=2**28)
