"""`python -m benchmarks.slow_link` (as root): what a slow network link to the workers costs a sweep.

The worker is in a network namespace. Each packet to or from it passes through this process, which delays it and counts
its bytes: Linux's own `netem` is not in every kernel.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import queue
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.command import failure, sweep
from benchmarks.processes import environment

_ROOT = Path(__file__).parents[1]
_HOST = "sweeps-slow"
_NEAR, _FAR = "10.213.78.1", "10.213.78.2"
#: of <linux/if_tun.h>: the request that names a device; packets without a header of the device's own
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_PACKET = 65_536
#: seconds of waiting packets after which more are dropped, as a router does
_QUEUE = 0.25


class Link(NamedTuple):
    """A network link: Mbit a second, and ms from a question to its answer."""

    rate: float
    round_trip: float


LINKS = (Link(1000, 0), Link(100, 10), Link(100, 50), Link(10, 50), Link(2, 100))


class Direction:
    """Packets from one device to another, later.

    Attributes:
        bytes: how many have passed.
    """

    def __init__(self, source: int, target: int, link: Link) -> None:
        self.bytes = 0
        self._source, self._target = source, target
        self._delay, self._rate = link.round_trip / 2000, link.rate * 1e6 / 8
        self._waiting: queue.SimpleQueue[tuple[float, bytes] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._take, self._give)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let no more packets pass; a device is free once nobody reads it."""
        self._closed.set()
        self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _take(self) -> None:
        free = 0.0
        while not self._closed.is_set():
            if not select.select([self._source], [], [], 0.2)[0]:
                continue
            packet = os.read(self._source, _PACKET)
            now = time.monotonic()
            if free <= now + _QUEUE:
                self.bytes += len(packet)
                free = max(free, now) + len(packet) / self._rate
                self._waiting.put((free + self._delay, packet))

    def _give(self) -> None:
        while (due := self._waiting.get()) is not None:
            time.sleep(max(0.0, due[0] - time.monotonic()))
            with contextlib.suppress(OSError):  # the other device is not up
                os.write(self._target, due[1])


@contextlib.contextmanager
def far_host(link: Link) -> Iterator[tuple[Direction, Direction]]:
    """A network namespace behind a link; what goes there, and what comes back."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    ip("netns", "add", _HOST)
    try:
        near, far = _device("slow-near"), _device("slow-far")
        ip("link", "set", "slow-far", "netns", _HOST)
        for host, device, address in (((), "slow-near", _NEAR), (("-n", _HOST), "slow-far", _FAR)):
            ip(*host, "addr", "add", f"{address}/30", "dev", device)
            ip(*host, "link", "set", device, "up")
        ip("-n", _HOST, "link", "set", "lo", "up")
        directions = Direction(near, far, link), Direction(far, near, link)
        try:
            yield directions
        finally:
            for direction in directions:
                direction.close()
            os.close(near)
            os.close(far)
    finally:
        ip("netns", "del", _HOST)


def _device(name: str) -> int:
    """A network device whose packets are read from, and written to, a file."""
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return file


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A scheduler here and a worker there; the scheduler's address."""
    said = folder / "scheduler.json"
    dask = (sys.executable, "-m", "dask")
    scheduler = (*dask, "scheduler", "--host", _NEAR, "--port", "0", "--no-dashboard", "--scheduler-file", str(said))
    there = ("ip", "netns", "exec", _HOST)
    options = ("--host", _FAR, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder))
    with contextlib.ExitStack() as stack, (folder / "dask.log").open("wb") as log:

        def start(*words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(words, env=environment(folder), cwd=folder, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return process

        started = start(*scheduler)
        while not (said.exists() and said.read_text().endswith("}")):
            if started.poll() is not None:
                raise click.ClickException(f"the scheduler has ended with exit code {started.returncode}")
            time.sleep(0.1)
        address = json.loads(said.read_text())["address"]
        start(*there, *dask, "worker", address, *options)
        yield address


def measured(link: Link, dataset: str, trials: int, epochs: int) -> dict[str, float]:
    """What a sweep takes over such a link."""
    with tempfile.TemporaryDirectory(prefix="slow-") as folder, far_host(link) as (to, back):
        with cluster(Path(folder)) as address:
            options = ("--trials", str(trials), "--epochs", str(epochs), "--pruner", "none", "--start", "none")
            more = ("--dataset", dataset, "--no-baselines", "--no-report", "--cluster", address)
            with sweep(_ROOT, *options, *more, space="mlp") as watched:
                watched.wait(until=lambda: bool(watched.ends))
                sent, received = to.bytes, back.bytes
                watched.wait(limit=1800)
                if len(watched.ends) < trials:
                    raise click.ClickException(failure(watched))
                between = [later - earlier for earlier, later in itertools.pairwise(watched.ends)]
        return {
            "first trial, s": watched.ends[0],
            "each of the others, s": statistics.mean(between),
            "to the worker, MB a trial": (to.bytes - sent) / 1e6 / len(between),
            "from the worker, MB a trial": (back.bytes - received) / 1e6 / len(between),
            "until the end of the first, MB": (sent + received) / 1e6,
        }


@click.command()
@click.option("--dataset", default="digits", show_default=True)
@click.option("--trials", default=10, show_default=True)
@click.option("--epochs", default=10, show_default=True)
def main(dataset: str, trials: int, epochs: int) -> None:
    """Run the same sweep over links of several speeds."""
    if os.geteuid() != 0:
        raise click.ClickException("network namespaces need root")
    for link in LINKS:
        figures = measured(link, dataset, trials, epochs)
        said = ", ".join(f"{name} {figure:.2f}" for name, figure in figures.items())
        click.echo(f"{link.rate:g} Mbit/s, {link.round_trip:g} ms: {said}")


if __name__ == "__main__":
    main()
