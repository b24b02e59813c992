"""TensorBoard over a study: its event files brought up to date, and the server that shows them."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sweeps.errors import BackendUnreachable
from sweeps.report.tensorboard_events import Board
from sweeps.study import results
from sweeps.study.record import in_reach, store_of
from sweeps.system import paths
from sweeps.system.locks import exclusive_if_free
from tracking import StoreUnavailable

#: seconds between two looks at a running sweep; TensorBoard itself looks as often
REFRESH = 5.0


def write(study: str) -> str:
    """Bring the event files of a study up to date; returns what to say of it.

    Raises:
        InputError: there is no such study.
        BackendUnreachable: the record does not answer.
    """
    with _board(study) as (folder, refresh):
        return f"{folder}: {refresh()} trials; show them with: tensorboard --logdir {folder}"


def serve(study: str, port: int, say: Callable[[str], object]) -> None:
    """Serve to this machine alone until interrupted, and follow the study meanwhile.

    Raises:
        InputError: there is no such study.
        BackendUnreachable: the record does not answer, or the port is taken.
    """
    with _board(study) as (folder, refresh):
        say(f"study {study} in TensorBoard: {_launch(folder, port)} (Ctrl-C ends it)")
        while True:
            with contextlib.suppress(StoreUnavailable):  # it may be back the next time
                refresh()
            time.sleep(REFRESH)


@contextlib.contextmanager
def _board(study: str) -> Iterator[tuple[Path, Callable[[], int]]]:
    """Where the event files of a study lie, and what brings them up to date."""
    opened = results.open_study(study)
    folder = paths.study_folder(study) / "tensorboard"
    with in_reach():
        board = Board(opened, store_of(study), folder)
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_if_free(folder / "alive") as is_free:
            # another process that shows this study writes the files for both
            yield folder, board.refresh if is_free else lambda: len(list(folder.glob("trial-*")))


def _launch(folder: Path, port: int) -> str:
    """Start TensorBoard in a thread of this process, and return its address."""
    # TensorBoard's own switch: it shows scalars and hyperparameters without TensorFlow's 4 s and 670 MB
    sys.modules.setdefault("tensorboard.compat.notf", sys)
    from tensorboard import program

    server = program.TensorBoard()
    server.configure(logdir=str(folder), host="127.0.0.1", port=port)
    try:
        return str(server.launch())
    except program.TensorBoardServerException as error:
        raise BackendUnreachable(f"{error.msg.splitlines()[0]}; another port: --port {port + 1}") from None
