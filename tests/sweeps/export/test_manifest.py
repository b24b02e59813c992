"""An export is what its manifest lists, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps.errors import CorruptStore
from sweeps.export.manifest import read_manifest
from sweeps.system.atomic_files import sha256


@pytest.fixture
def export(tmp_path: Path) -> Path:
    files = ("model.keras", "labels.json", "saved_model/saved_model.pb", "saved_model/variables/variables.index")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("null")
    entry = {"name": "x", "dtype": "float32", "shape": [None, 1]}
    known = {"study": "s", "target": "value", "named_inputs": False, "features": None, "input": [entry]}
    digests = {name: sha256(tmp_path / name) for name in files}
    (tmp_path / "manifest.json").write_text(json.dumps(known | {"sha256": digests}))
    return tmp_path


def test_an_export_of_listed_files_is_read(export: Path) -> None:
    (export / "notes.txt").write_text("of the user")
    (export / "saved_model" / "assets").mkdir()
    assert read_manifest(export, ("saved_model/",)).study == "s"


def test_a_file_that_the_manifest_does_not_list_is_refused_where_its_folder_is_used(export: Path) -> None:
    (export / "saved_model" / "assets").mkdir()
    (export / "saved_model" / "assets" / "more").touch()
    assert read_manifest(export).study == "s"
    with pytest.raises(CorruptStore, match="assets/more is not what was exported: the manifest does not list it"):
        read_manifest(export, ("saved_model/",))


def test_a_savedmodel_of_an_export_that_lists_none_is_refused(export: Path) -> None:
    manifest = json.loads((export / "manifest.json").read_text())
    listed = {name: digest for name, digest in manifest["sha256"].items() if "/" not in name}
    (export / "manifest.json").write_text(json.dumps(manifest | {"sha256": listed}))
    with pytest.raises(CorruptStore, match="the manifest does not list it"):
        read_manifest(export, ("saved_model/",))


@pytest.mark.parametrize("name", ["saved_model/fingerprint.pb", "saved_model/assets", "saved_model"])
def test_a_link_in_a_folder_that_is_used_is_refused(name: str, export: Path, tmp_path: Path) -> None:
    place = export / name
    to = tmp_path / "elsewhere"
    if place.exists():
        place.rename(to)
    else:
        to.mkdir()
    place.symlink_to(to, target_is_directory=True)
    with pytest.raises(CorruptStore, match="is not what was exported"):
        read_manifest(export, ("saved_model/",))
