"""What a worker tells and asks the driver of a trial.

What needs no answer is collected, and goes along with the next question.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from sweeps.trial.task import Event

#: seconds after which the driver is told how far a trial has come, though there is nothing to ask
_SILENCE = 0.5


class Line(Protocol):
    """The connection to the driver."""

    def ask(self, number: int, events: Sequence[Event], question: str, *arguments: Any) -> Any:
        """The answer to a question about a trial, after these events; raises what the driver raises."""

    def send_file(self, number: int, question: str, *arguments: Any, attachment: bytes = b"") -> Any:
        """The answer to a question that sends or asks for the content of a file, beside other questions."""


class Messages:
    """What there is to tell of a trial, and its questions."""

    def __init__(self, line: Line, number: int) -> None:
        self.events: list[Event] = []
        self._line, self._number, self._asked = line, number, time.monotonic()

    def tell(self, what: str, *arguments: Any) -> None:
        """Collect an event."""
        self.events.append([what, *arguments])

    def ask(self, question: str, *arguments: Any) -> Any:
        """Send what was collected with a question, and wait for the answer."""
        events, self.events = self.events, []
        answer = self._line.ask(self._number, events, question, *arguments)
        self._asked = time.monotonic()
        return answer

    def send_file(self, question: str, *arguments: Any, attachment: bytes = b"") -> Any:
        """Send a file, or ask for one; what was collected goes along with another question, in its own order."""
        return self._line.send_file(self._number, question, *arguments, attachment=attachment)

    def tell_soon(self) -> None:
        """Send what was collected, if nothing was sent for a while."""
        if time.monotonic() - self._asked > _SILENCE:
            self.ask("told")
