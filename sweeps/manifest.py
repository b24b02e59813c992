"""The manifest of an export: read again, checked against the files that it lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sweeps.data.files import check_file
from sweeps.errors import CorruptStore, InputError
from sweeps.files import sha256
from sweeps.workspace import check_study_name


class Input(BaseModel):
    """What one input of the model takes."""

    name: str
    dtype: Literal["uint8", "float32", "string"]
    shape: tuple[int | None, ...] = Field(min_length=2)


class Manifest(BaseModel):
    """What a prediction needs of `manifest.json`."""

    model_config = ConfigDict(frozen=True)

    study: str
    target: str
    named_inputs: bool
    input: tuple[Input, ...] = Field(min_length=1)
    features: tuple[str, ...] | None
    sha256: dict[str, str]

    @field_validator("study")
    @classmethod
    def _study_is_a_name(cls, value: str) -> str:
        return check_study_name(value)


def read_manifest(folder: Path) -> Manifest:
    """The manifest, once the files that are read of the export are what it says.

    Raises:
        InputError: there is no export.
        CorruptStore: the manifest is damaged, a file was altered, or lies elsewhere.
    """
    file = folder / "manifest.json"
    try:
        check_file(file)
    except InputError as error:
        raise InputError(
            f"--model: {str(folder)!r} is no export (manifest.json: {error}); make one: sweeps export STUDY"
        ) from None
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CorruptStore(
            f"{file} is damaged: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        ) from None
    for name in ("model.keras", "labels.json"):
        listed = folder / name
        if listed.is_symlink():
            raise CorruptStore(f"{listed} is not what was exported: a link")
        if not listed.is_file() or sha256(listed) != manifest.sha256.get(name):
            raise CorruptStore(f"{listed} is not what was exported (its SHA-256 differs from the manifest)")
    return manifest


def read_labels(folder: Path) -> list[str] | None:
    """The classes' names; None for a regression.

    Raises:
        CorruptStore: they are no list of texts.
    """
    try:
        labels: Any = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptStore(f"{folder / 'labels.json'} is damaged: {error}") from None
    if labels is not None and not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise CorruptStore(f"{folder / 'labels.json'} is damaged: a list of names is wanted")
    return labels
