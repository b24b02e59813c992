"""Fingerprints of a search space's code, by which a resumed study notices that it was edited."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from sweeps.errors import InputError, shortened
from sweeps.space.object_digests import object_parts
from sweeps.space.source_digests import named_parts

#: the study attribute that lists the fingerprints of all versions of its space
SPACE_VERSIONS = "space_versions"
#: the attribute of a study and of its trials, and the tag of their runs, with the number of the version, from 1
SPACE_VERSION = "space_version"


@dataclass(frozen=True)
class Fingerprint:
    """Digests of a space's code.

    Attributes:
        parts: by the name of the function, class or value, preceded by the file's name where it is another file.
        python: the Python version where compiled code was read; empty where source was read.
    """

    parts: Mapping[str, str]
    python: str = ""

    @classmethod
    def of(cls, space: Any) -> Fingerprint | None:
        """The fingerprint of a `--space` name or an object; None for registered spaces and unreadable objects."""
        if not isinstance(space, str):
            try:
                return cls(object_parts(space), f"{sys.version_info.major}.{sys.version_info.minor}")
            except Exception:  # user code may raise anything
                return None
        parts = named_parts(space) if ":" in space else None
        return None if parts is None else cls(parts)

    def changes(self, before: Fingerprint) -> tuple[str, ...] | None:
        """The names of the parts that differ; None where the fingerprints are not comparable."""
        if self.python != before.python:
            return None
        names = {**before.parts, **self.parts}
        return tuple(name for name in names if self.parts.get(name) != before.parts.get(name))


@dataclass(frozen=True)
class SpaceSource:
    """The code of the requested space.

    Attributes:
        fingerprint: None where there is none.
        accepted: whether the code may differ from the study's (`--accept-changed-space`).
    """

    fingerprint: Fingerprint | None = None
    accepted: bool = False

    def changes(self, study: optuna.Study, version: int | None = None) -> tuple[str, ...] | None:
        """The parts that differ from a version of the study's space, by default the current one.

        None where they are not comparable: earlier releases stored no fingerprint.
        """
        versions = study.user_attrs.get(SPACE_VERSIONS)
        number = version or study.user_attrs.get(SPACE_VERSION)
        if self.fingerprint is None or not versions or not number:
            return None
        return self.fingerprint.changes(Fingerprint(**versions[number - 1]))

    def check(self, study: optuna.Study, space: str) -> bool:
        """Whether the space is known to be the study's, or is accepted, wherever its file is now.

        Raises:
            InputError: the code has changed, and the change is not accepted.
        """
        changed = self.changes(study)
        if changed and not self.accepted:
            raise InputError(
                f"the space {space} has changed since study {study.study_name!r} was begun: {shortened(changed)}\n"
                "Name a new study, or go on with both versions: --accept-changed-space"
            )
        return changed is not None

    def remember(self, study: optuna.Study) -> None:
        """Make this the study's current version."""
        if self.fingerprint is None or self.changes(study) == ():
            return
        document, versions = asdict(self.fingerprint), list(study.user_attrs.get(SPACE_VERSIONS, ()))
        if document not in versions:
            versions.append(document)
            study.set_user_attr(SPACE_VERSIONS, versions)
        study.set_user_attr(SPACE_VERSION, versions.index(document) + 1)


def versioned(name: str, version: int) -> str:
    """A hyperparameter's name in the study, where an earlier version of the space has other values for that name."""
    return f"{name} [version {version}]"


def unversioned(name: str) -> str:
    """The name of a hyperparameter without what `versioned` has added."""
    return re.sub(r" \[version \d+\]$", "", name)
