"""A worker's connection to the driver, over Dask's transport within this process."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from distributed import Client, Security
from distributed.utils import LoopRunner, sync

from sweeps.engine.listener import listening
from sweeps.trial import line
from sweeps.trial.line import DaskLine


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """What the two ends need of Dask's client and of its worker."""
    runner = LoopRunner()
    runner.start()

    def in_loop(call: Any, *arguments: Any) -> Any:
        return sync(runner.loop, call, *arguments)

    owner = SimpleNamespace(loop=runner.loop, security=Security(), sync=in_loop)
    owner.scheduler = SimpleNamespace(address="tcp://127.0.0.1:8786")
    monkeypatch.setattr(line, "get_worker", lambda: owner)
    yield cast(Client, owner)
    runner.stop()


def test_a_question_is_answered_while_a_file_is_on_its_way(client: Client) -> None:
    arriving, arrived, in_time = threading.Event(), threading.Event(), list[bool]()

    def answer(message: bytes) -> bytes:
        head, _, attachment = message.partition(b"\n")
        asked = json.loads(head)[2]
        if asked == "save":
            arriving.set()
            in_time.append(arrived.wait(10))
        return pickle.dumps((asked, attachment))

    with listening(client, answer) as address:
        to_driver = DaskLine(address)
        sent = list[Any]()
        sending = threading.Thread(
            target=lambda: sent.append(to_driver.send_file(3, "save", "checkpoints", 3, attachment=b"a\nb"))
        )
        sending.start()
        assert arriving.wait(10)
        assert to_driver.ask(3, [], "should_prune") == ("should_prune", b"")
        arrived.set()
        sending.join(10)
        to_driver.close()
    assert (in_time, sent) == ([True], [("save", b"a\nb")])
