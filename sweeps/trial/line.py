"""A worker's connection to the driver, over Dask's own transport: encrypted where that of the workers is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from distributed import get_worker
from distributed.comm import CommClosedError, connect
from distributed.utils import sync

from sweeps.trial.task import Event


class DriverLost(Exception):
    """The driver does not answer any more: it has ended, or cannot be reached."""


class DaskLine:
    """The driver at an address, in a worker.

    A question is JSON, and after it, on a line of its own, what a file holds: what is asked names one of the driver's
    own calls. An answer is pickled, since the worker runs what the driver gives it in any case. Whom the transport lets
    in is trusted all the same: Dask itself unpickles.

    Files have a connection of their own: on a slow network a checkpoint that is sent beside training takes seconds, and
    no question waits for it.
    """

    def __init__(self, address: str) -> None:
        self._questions, self._files = _Connection(address), _Connection(address)

    def ask(self, number: int, events: Sequence[Event], question: str, *arguments: Any) -> Any:
        """See `sweeps.trial.messages.Line`.

        Raises:
            DriverLost: it does not answer.
        """
        return self._questions.ask(_message(number, events, question, arguments))

    def send_file(self, number: int, question: str, *arguments: Any, attachment: bytes = b"") -> Any:
        """See `sweeps.trial.messages.Line`.

        Raises:
            DriverLost: it does not answer.
        """
        return self._files.ask(_message(number, [], question, arguments) + attachment)

    def close(self) -> None:
        """Hang up."""
        self._questions.close()
        self._files.close()


class _Connection:
    """To the driver; one question after the other."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._worker = get_worker()
        self._comm: Any = None
        self._turn = asyncio.Lock()

    def ask(self, message: bytes) -> Any:
        """The answer to a message, or the error that it is.

        Raises:
            DriverLost: there is none.
        """
        answer = pickle.loads(self.exchange(message))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def exchange(self, message: bytes) -> bytes:
        """The answer to a message, as it comes.

        Raises:
            DriverLost: there is none.
        """
        try:
            return bytes(sync(self._worker.loop, self._exchange, message))
        except (CommClosedError, OSError) as error:
            raise DriverLost(f"the driver at {self._address} does not answer: {error}") from None

    def close(self) -> None:
        """Hang up."""
        if self._comm is not None:
            self._worker.loop.add_callback(self._comm.abort)

    async def _exchange(self, message: bytes) -> Any:
        async with self._turn:
            if self._comm is None or self._comm.closed():
                arguments = self._worker.security.get_connection_args("worker")
                self._comm = await connect(self._address, deserialize=False, **arguments)
            await self._comm.write(message)
            return await self._comm.read()


def _message(number: int, events: Sequence[Event], question: str, arguments: Sequence[Any]) -> bytes:
    return json.dumps([number, events, question, arguments]).encode() + b"\n"


_open: dict[str, DaskLine] = {}


def line_to(address: str) -> DaskLine:
    """The connection of this process to a driver."""
    if address not in _open:
        hang_up()
        _open[address] = DaskLine(address)
    return _open[address]


@lru_cache(maxsize=1)
def fetched(address: str, digest: str) -> Any:
    """What the driver at an address has of this SHA-256, unpickled; the same object for all trials of a process.

    Raises:
        DriverLost: it does not give that.
    """
    connection = _Connection(address)
    try:
        content = connection.exchange(digest.encode())
    finally:
        connection.close()
    if hashlib.sha256(content).hexdigest() != digest:
        raise DriverLost(f"the driver at {address} sent other data than it had announced")
    return pickle.loads(content)


def hang_up() -> None:
    """Close the connection."""
    while _open:
        _open.popitem()[1].close()
