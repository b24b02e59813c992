"""A tuner's project: `directory` and `project_name` as a workspace and a study."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna

from sweeps.errors import BackendUnreachable, InputError
from sweeps.storage import shared
from sweeps.storage.shared import present
from sweeps.study import study as studies
from sweeps.system import paths

_MAX_LENGTH = 64


@dataclass(frozen=True)
class Project:
    """A study in a workspace.

    Attributes:
        study: its name.
        home: the workspace's absolute path.
    """

    study: str
    home: Path

    @classmethod
    def of(cls, directory: str | os.PathLike[str] | None, project_name: str | None) -> Project:
        """From a tuner's arguments; without `directory`, the workspace is the command line's.

        The study's name includes the directory's, since projects of several directories may share an MLflow server.
        """
        project = project_name or "untitled_project"
        if directory is None:
            return cls(study_name(project), paths.home())
        home = Path(directory).absolute()
        return cls(study_name(f"{home.name}-{project}"), home)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Make this the workspace of the process while the block runs."""
        before = os.environ.get("SWEEPS_HOME")
        os.environ["SWEEPS_HOME"] = str(self.home)
        try:
            yield
        finally:
            if before is None:
                del os.environ["SWEEPS_HOME"]
            else:
                os.environ["SWEEPS_HOME"] = before

    @property
    def folder(self) -> Path:
        """The study's folder."""
        with self.active():
            return paths.study_folder(self.study)

    @property
    def exists(self) -> bool:
        """Whether the study exists."""
        return studies.begun(self.folder / "journal.log")

    def open(self) -> optuna.Study | None:
        """The study; None before its first search."""
        return studies.load(self.study, self.folder / "journal.log") if self.exists else None

    def clear(self) -> None:
        """Remove the study; its experiment in MLflow is renamed and marked as deleted.

        Raises:
            InputError: a sweep of this study is running.
            BackendUnreachable: the MLflow store does not answer.
        """
        if not self.folder.exists():
            return
        from tracking import TrackingError
        from tracking.experiments import set_aside

        removed: list[str | None] = []
        with self.active(), present(self.folder) as if_alone:
            try:
                if_alone(lambda: removed.append(set_aside(paths.tracking_uri(), self.study)))
            except TrackingError as error:
                raise BackendUnreachable(f"the MLflow store does not answer: {error}") from None
        if not removed:
            raise InputError(f"overwrite=True: no other process may use study {self.study!r}, got one running")
        studies.forget(self.folder / "journal.log")
        shared.remove(self.folder)
        shutil.rmtree(self.folder)


def study_name(project: str) -> str:
    """The text itself if it is a valid study name; otherwise a valid name with a digest of the text."""
    if paths.STUDY_NAME.fullmatch(project):
        return project
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", project).lstrip("_.-") or "project"
    suffix = hashlib.sha256(project.encode()).hexdigest()[:6]
    return f"{plain[: _MAX_LENGTH - 7]}-{suffix}"
