"""Exclusive access to a study."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sweeps.errors import InputError
from sweeps.storage.shared import alone_elsewhere
from sweeps.study import results
from sweeps.system import paths
from sweeps.system.locks import exclusive_if_free


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Keep sweeps and confirmations of a study from beginning while the block runs.

    Raises:
        InputError: one of them is running, or there is no such study.
    """
    results.open_study(name)  # its error lists the studies
    confirming = paths.confirm_journal(name).parent
    folders = [paths.study_folder(name), *[confirming] * confirming.is_dir()]
    with contextlib.ExitStack() as stack:
        locks = [exclusive_if_free(folder / "alive") for folder in folders]
        if not all(map(stack.enter_context, [*locks, alone_elsewhere(folders[0])])):
            raise InputError(f"a sweep or a confirmation of study {name!r} is running; wait until it has ended")
        yield
