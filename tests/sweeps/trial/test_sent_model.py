"""A model that a worker sends: what it was, and nothing beside it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from sweeps.trial.files import unpack_model


def archive(*members: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for member in members:
            content = b"x" if member.isfile() else b""
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def test_files_of_a_model_arrive(tmp_path: Path) -> None:
    unpack_model(archive(tarfile.TarInfo("./data/model.keras"), tarfile.TarInfo("./MLmodel")), tmp_path / "run")
    assert (tmp_path / "run/data/model.keras").read_bytes() == b"x"


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../x"),
        link("x", "/etc/passwd"),
        link("x", "MLmodel"),
        link("x", "MLmodel", tarfile.LNKTYPE),
        link("x", "", tarfile.FIFOTYPE),
    ],
    ids=["above", "link to elsewhere", "link", "hard link", "pipe"],
)
def test_what_belongs_to_no_model_is_refused(tmp_path: Path, member: tarfile.TarInfo) -> None:
    with pytest.raises(tarfile.TarError):
        unpack_model(archive(tarfile.TarInfo("MLmodel"), member), tmp_path / "run")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["MLmodel", "run"]
