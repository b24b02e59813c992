"""Where the driver listens to its workers, over Dask's own transport: encrypted where that of the workers is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from distributed import Client
from distributed.comm import Comm, CommClosedError, listen
from distributed.comm.core import Listener
from distributed.utils import get_ip

#: questions that are answered at once, one of each worker: while the store is away, an answer may take minutes
_THREADS = 1024


@contextlib.contextmanager
def listening(client: Client, answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """Answer the workers' questions while the block runs; the address at which they are taken.

    Args:
        client: of the workers.
        answer: called in threads, of one worker one question after the other.
    """
    scheduler = urlsplit(client.scheduler.address)
    # by the network that leads to the scheduler, and by no other: of workers of this machine, by none
    place = f"{scheduler.scheme}://{get_ip(scheduler.hostname)}"
    threads = ThreadPoolExecutor(_THREADS, "driver")
    listener = _Listener(place, threads, answer)
    client.sync(listener.start, client)
    try:
        yield listener.address
    finally:
        client.sync(listener.stop)
        threads.shutdown(wait=False, cancel_futures=True)


class _Listener:
    def __init__(self, place: str, threads: ThreadPoolExecutor, answer: Callable[[bytes], bytes]) -> None:
        self._place, self._threads, self._answer = place, threads, answer
        self._listener: Listener | None = None
        self._open: set[Comm] = set()

    @property
    def address(self) -> str:
        assert self._listener is not None
        return str(self._listener.contact_address)

    async def start(self, client: Client) -> None:
        arguments = client.security.get_listen_args("client")
        self._listener = await listen(self._place, self._serve, deserialize=False, **arguments)

    async def stop(self) -> None:
        assert self._listener is not None
        self._listener.stop()
        for comm in list(self._open):
            comm.abort()

    async def _serve(self, comm: Comm) -> None:
        """Answer one worker, as long as it is there."""
        self._open.add(comm)
        loop = asyncio.get_running_loop()
        try:
            while True:
                question = await comm.read()
                await comm.write(await loop.run_in_executor(self._threads, self._answer, question))
        except (CommClosedError, RuntimeError):  # the driver takes no more questions
            pass
        finally:
            comm.abort()
            self._open.discard(comm)
