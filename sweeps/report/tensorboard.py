"""TensorBoard for a study: updating its event files, and serving them."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sweeps.errors import BackendUnreachable
from sweeps.report.tensorboard_events import StudyEvents
from sweeps.study import results
from sweeps.study.record import in_reach, store_of
from sweeps.system import paths
from sweeps.system.locks import exclusive_if_free
from tracking import StoreUnavailable

#: seconds between two updates from a running sweep; TensorBoard reloads as often
REFRESH = 5.0


def write(study: str) -> str:
    """Update the event files of a study; return a message for the user.

    Raises:
        InputError: there is no such study.
        BackendUnreachable: the MLflow store cannot be reached.
    """
    with _event_files(study) as (folder, refresh):
        return f"{folder}: {refresh()} trials; show them with: tensorboard --logdir {folder}"


def serve(study: str, port: int, say: Callable[[str], object]) -> None:
    """Serve TensorBoard on 127.0.0.1 and update the event files until interrupted.

    Args:
        say: called with the message that has the server's address.

    Raises:
        InputError: there is no such study.
        BackendUnreachable: the MLflow store cannot be reached, or the port is in use.
    """
    with _event_files(study) as (folder, refresh):
        say(f"study {study} in TensorBoard: {_launch(folder, port)} (Ctrl-C ends it)")
        while True:
            with contextlib.suppress(StoreUnavailable):  # it is tried again in the next round
                refresh()
            time.sleep(REFRESH)


@contextlib.contextmanager
def _event_files(study: str) -> Iterator[tuple[Path, Callable[[], int]]]:
    """The folder of a study's event files, and a function that updates them and returns the number of trials."""
    opened = results.open_study(study)
    folder = paths.study_folder(study) / "tensorboard"
    with in_reach():
        events = StudyEvents(opened, store_of(study), folder)
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_if_free(folder / "alive") as is_free:
            # another process that serves this study updates the files for both
            yield folder, events.refresh if is_free else lambda: len(list(folder.glob("trial-*")))


def _launch(folder: Path, port: int) -> str:
    """Start TensorBoard in a thread of this process, and return its address."""
    # TensorBoard's switch for running without TensorFlow, whose import takes 4 s and 670 MB
    sys.modules.setdefault("tensorboard.compat.notf", sys)
    from tensorboard import program

    server = program.TensorBoard()
    server.configure(logdir=str(folder), host="127.0.0.1", port=port)
    try:
        return str(server.launch())
    except program.TensorBoardServerException as error:
        raise BackendUnreachable(f"{error.msg.splitlines()[0]}; another port: --port {port + 1}") from None
