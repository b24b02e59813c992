"""The files of a trial whose worker does not share the driver's disk: they are sent."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeps.trial.checkpoint import Array, content_of, decoded, encode
from sweeps.trial.messages import Messages
from tracking import ModelPlace


class SentCheckpoints:
    """Checkpoints that the driver keeps; see `sweeps.trial.checkpoint.Checkpoints`.

    Args:
        kind: "checkpoints" of running trials, or "states" of those that ended.
    """

    def __init__(self, messages: Messages, kind: str) -> None:
        self._messages, self._kind = messages, kind

    def write(self, number: int, document: str, arrays: Sequence[Array]) -> None:
        """Replace the trial's checkpoint."""
        self._messages.send_file("save", self._kind, number, attachment=content_of(document, arrays))

    def save(self, number: int, checkpoint: object) -> None:
        """Replace the trial's checkpoint."""
        arrays: list[Array] = []
        self.write(number, json.dumps(encode(checkpoint, arrays)), arrays)

    def load(self, number: int) -> Any:
        """What was saved last for the trial; None where nothing was.

        Raises:
            ValueError: it is damaged.
        """
        content = self._messages.send_file("load", self._kind, number)
        return None if content is None else decoded(content)


@contextmanager
def sent_model(place: ModelPlace, messages: Messages) -> Iterator[ModelPlace]:
    """A place of this machine for a model, which is sent to the driver when the block ends in order."""
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        yield replace(place, folder=Path(folder))
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.add(folder, arcname=".")
        messages.send_file("model", attachment=archive.getvalue())


def unpack_model(content: bytes, folder: Path) -> None:
    """Put a model that was sent into the folder of its run.

    Raises:
        tarfile.TarError: it holds what does not belong below that folder, or is damaged.
        OSError: it cannot be written.
    """
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        tar.extractall(folder, filter=_plain)


def _plain(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """A file or a folder below that folder, as a model consists of."""
    if not (member.isfile() or member.isdir()):
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, folder)
