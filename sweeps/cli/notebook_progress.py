"""A running sweep in a notebook: one output of the cell, which is replaced as the live table on a terminal is."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.console import Console, Group
from rich.text import Text

from sweeps import dense_kernels
from sweeps.cli.progress import COMPILING, Progress
from sweeps.system import signals

#: seconds between two looks, and characters of a line
_INTERVAL, _WIDTH = 0.5, 110
_PAGE = '<pre style="white-space:pre;overflow-x:auto;line-height:1.3;margin:0">{code}</pre>'


def in_notebook() -> bool:
    """Whether this program runs in a kernel that shows HTML."""
    return "IPython" in sys.modules and Console().is_jupyter


@dataclass(frozen=True)
class _Shown:
    """What a cell shows: as HTML, and as text where there is none."""

    html: str
    text: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


class NotebookProgress(Progress):
    """Shows a sweep in a cell while it runs.

    It needs no widgets: the kernel replaces the content of one output, so that the last one stays in the file.
    """

    def __init__(self, total: int | None, jobs: int, done: Mapping[str, int]) -> None:
        # a terminal of this width, of which the lines are not wanted: what is said is a part of the output
        console = Console(file=io.StringIO(), force_terminal=True, force_jupyter=False, width=_WIDTH)
        super().__init__(console, total, jobs, done)
        self._said: list[str] = []
        self._ended = threading.Event()
        self._refreshing = threading.Thread(target=self._refresh, name="notebook", daemon=True)
        self._output: Any = None

    def __enter__(self) -> NotebookProgress:
        from IPython.display import display  # type: ignore[import-not-found]

        if dense_kernels.compilation_is_due():
            self._say(COMPILING)
        self._output = display(self._shown(), display_id=True)
        with signals.blocked():
            self._refreshing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._refreshing.join()
        self._running.clear()
        if not self._seconds:
            self._said.append("no trial was missing" if kind is None else "ended before its first trial")
        self._output.update(self._shown())

    def _refresh(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._output.update(self._shown())

    def _say(self, line: str) -> None:
        self._said.append(line)

    def _shown(self) -> _Shown:
        recorded = Console(file=io.StringIO(), record=True, force_jupyter=False, width=_WIDTH)
        parts = [] if self._ended.is_set() and not self._seconds else [self._render()]
        recorded.print(Group(*map(Text, self._said), *parts), markup=False, highlight=False)
        html = recorded.export_html(inline_styles=True, code_format=_PAGE, clear=False)
        return _Shown(html, recorded.export_text())
