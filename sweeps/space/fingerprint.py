"""What a search space is made of, so that a resume with another one is noticed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna

from sweeps.errors import InputError
from sweeps.space.object_digests import object_parts
from sweeps.space.source_digests import named_parts

#: the study attribute that lists the fingerprints of the space that it has had
SPACE_VERSIONS = "space_versions"
#: the attribute of a study and of its trials, and the tag of their runs, that says which of them it is, from 1
SPACE_VERSION = "space_version"


@dataclass(frozen=True)
class Fingerprint:
    """Digests of a space's own source.

    Attributes:
        parts: by the name of the function, class or value, for another file's with the file's.
        python: the version whose compiled code was read; empty where the source was.
    """

    parts: Mapping[str, str]
    python: str = ""

    @classmethod
    def of(cls, space: Any) -> Fingerprint | None:
        """Of a name as `--space` takes it, or an object; None for a registered space, which comes with this project."""
        if not isinstance(space, str):
            try:
                return cls(object_parts(space), f"{sys.version_info.major}.{sys.version_info.minor}")
            except Exception:  # whatever a person's object raises when it is looked at: its sweep does without
                return None
        parts = named_parts(space) if ":" in space else None
        return None if parts is None else cls(parts)

    @classmethod
    def stored(cls, document: Mapping[str, Any]) -> Fingerprint:
        """From `document`, as a study holds it."""
        return cls(document["parts"], document["python"])

    @property
    def document(self) -> dict[str, Any]:
        """For a study's attribute."""
        return asdict(self)

    def changes(self, before: Fingerprint) -> tuple[str, ...] | None:
        """The names of the parts that differ; None where the two cannot be compared."""
        if self.python != before.python:
            return None
        names = {**before.parts, **self.parts}
        return tuple(name for name in names if self.parts.get(name) != before.parts.get(name))


@dataclass(frozen=True)
class SpaceSource:
    """The space that is asked for.

    Attributes:
        fingerprint: None where it has none.
        accepted: it may be another one than the study's.
    """

    fingerprint: Fingerprint | None = None
    accepted: bool = False

    def changes(self, study: optuna.Study, version: int | None = None) -> tuple[str, ...] | None:
        """What differs from the study's version of the space, the current one by default; None where they cannot be
        compared: earlier releases stored none."""
        versions = study.user_attrs.get(SPACE_VERSIONS)
        number = version or study.user_attrs.get(SPACE_VERSION)
        if self.fingerprint is None or not versions or not number:
            return None
        return self.fingerprint.changes(Fingerprint.stored(versions[number - 1]))

    def check(self, study: optuna.Study, space: str) -> bool:
        """Whether the space is known to be the study's, or is accepted in its stead, wherever its file is now.

        Raises:
            InputError: it is another one.
        """
        changed = self.changes(study)
        if changed and not self.accepted:
            raise InputError(
                f"the space {space} has changed since study {study.study_name!r} was begun: {shortened(changed)}\n"
                "Name a new study (STUDY=…), or go on with both versions: --accept-changed-space"
            )
        return changed is not None

    def remember(self, study: optuna.Study) -> None:
        """Make this the study's current version."""
        found = self.fingerprint
        if found is None or self.changes(study) == ():
            return
        versions = list(study.user_attrs.get(SPACE_VERSIONS, ()))
        if found.document not in versions:
            versions.append(found.document)
            study.set_user_attr(SPACE_VERSIONS, versions)
        study.set_user_attr(SPACE_VERSION, versions.index(found.document) + 1)


def shortened(names: tuple[str, ...], most: int = 5) -> str:
    """The first few names."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def versioned(name: str, version: int) -> str:
    """A hyperparameter's name in the study, where another version of the space has other values under its own."""
    return f"{name} [version {version}]"
