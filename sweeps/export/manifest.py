"""The manifest of an export, read and compared with the files that it lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sweeps.errors import CorruptStore, InputError
from sweeps.model.outputs import Head
from sweeps.system.atomic_files import sha256
from sweeps.system.commands import hint
from sweeps.system.file_checks import check_file
from sweeps.system.paths import check_study_name

#: Keras's dtypes of data
DType = Literal[
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "bfloat16", "float32", "float64", "string",
]  # fmt: skip


class Input(BaseModel):
    """An input of the model; `shape` includes the axis of rows."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...] = Field(min_length=1)


class Reading(BaseModel):
    """How a table is read where it leaves that open; see `Dataset.reading`."""

    decimal: Literal[".", ","]
    dates: dict[str, str]
    csv: dict[Literal["separator", "decimal", "thousands", "encoding"], str] = {}


class ComparedOn(BaseModel):
    """The rows on which the formats were compared; `range`: the lowest and highest number of a single input."""

    range: tuple[float, float] | None = None


class Manifest(BaseModel):
    """The entries of `manifest.json` that predictions need."""

    model_config = ConfigDict(frozen=True)

    study: str
    target: str
    named_inputs: bool
    input: tuple[Input, ...] = Field(min_length=1)
    features: tuple[str, ...] | None
    sha256: dict[str, str]
    #: None in exports of earlier versions
    head: Head | None = None
    #: how a table of new rows is read; None in exports of earlier versions, too
    reading: Reading | None = None
    #: whether the space's `fit` prepares the data for the model
    prepared: bool = False
    compared_on: ComparedOn = ComparedOn()

    @field_validator("study")
    @classmethod
    def _study_is_a_name(cls, value: str) -> str:
        return check_study_name(value)


def read_manifest(folder: Path, others: Sequence[str] = ()) -> Manifest:
    """Read the manifest and check the files that predictions use.

    Args:
        others: files that are used, too; those of a folder if the name ends with a slash.

    Raises:
        InputError: there is no export.
        CorruptStore: the manifest is damaged, or a file has changed, is a link, or is in a folder that is used and not
            listed.
    """
    file = folder / "manifest.json"
    try:
        check_file(file)
    except InputError as error:
        raise InputError(
            f"--model: {str(folder)!r} is no export (manifest.json: {error}); create one: {hint('export', 'STUDY')}"
        ) from None
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if isinstance(wrong := first.get("ctx", {}).get("error"), InputError):  # a name that leads elsewhere
            raise wrong from None
        raise CorruptStore(
            f"{file} is damaged: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        ) from None
    within = tuple(name for name in others if name.endswith("/"))
    listed_there = [name for name in manifest.sha256 if within and name.startswith(within)]
    for name in ("model.keras", "labels.json", *listed_there):
        listed = folder / name
        if listed.is_symlink():
            raise CorruptStore(f"{listed} is not what was exported: it is a link")
        if not listed.is_file() or sha256(listed) != manifest.sha256.get(name):
            raise CorruptStore(f"{listed} is not what was exported (its SHA-256 differs from the manifest)")
    for name in within:
        _check_all_listed(folder, name, manifest)
    return manifest


def _check_all_listed(folder: Path, name: str, manifest: Manifest) -> None:
    """A folder is loaded with whatever lies in it.

    Raises:
        CorruptStore: it is a link, or has a file or a link that the manifest does not list.
    """
    top = folder / name.rstrip("/")
    for path in (top, *sorted(top.rglob("*"))):
        known = path.relative_to(folder).as_posix() in manifest.sha256
        if path.is_symlink() or (not path.is_dir() and path.exists() and not known):
            raise CorruptStore(f"{path} is not what was exported: the manifest does not list it")


def read_labels(folder: Path) -> list[str] | None:
    """The names of the classes; None for a regression.

    Raises:
        CorruptStore: labels.json is not null and not a list of two or more strings.
    """
    try:
        labels: Any = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptStore(f"{folder / 'labels.json'} is damaged: {error}") from None
    is_list = isinstance(labels, list) and len(labels) > 1 and all(isinstance(label, str) for label in labels)
    if labels is not None and not is_list:
        raise CorruptStore(f"{folder / 'labels.json'} is damaged: a list of two names or more is wanted")
    return cast("list[str] | None", labels)
