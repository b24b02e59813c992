"""`sweeps doctor` on a real export that was damaged by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Workspace

from sweeps.doctor import examine
from sweeps.export.export import ExportRequest
from sweeps.export.export import export as export_study
from sweeps.study import study as studies
from sweeps.system import paths
from sweeps.system.atomic_files import sha256

pytestmark = pytest.mark.slow

STUDY = "digits-mlp"


@pytest.fixture(scope="module")
def exported(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study whose best model is exported."""
    folder = tmp_path_factory.mktemp("exported") / "copy"
    finished.copied(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        export_study(ExportRequest(STUDY, force=True))
    shutil.copytree(folder / "exports", folder / "sound")
    return folder


@pytest.fixture
def export(exported: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The export, as it was made."""
    monkeypatch.chdir(exported)
    for name in ("SWEEPS_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    shutil.rmtree("exports")
    shutil.copytree("sound", "exports")
    studies.forget(paths.journal(STUDY))
    assert examine(STUDY).findings == ()
    return exported / "exports" / STUDY


def alter_the_model(export: Path) -> None:
    content = bytearray((export / "model.keras").read_bytes())
    content[len(content) // 2] ^= 1
    (export / "model.keras").write_bytes(content)


def lose_the_labels(export: Path) -> None:
    (export / "labels.json").unlink()


def cut_the_manifest(export: Path) -> None:
    manifest = export / "manifest.json"
    manifest.write_text(manifest.read_text()[:100])


def be_of_another_trial(export: Path) -> None:
    change_manifest(export, value=0.123)


def change_manifest(export: Path, **entries: object) -> None:
    file = export / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))


@pytest.mark.parametrize(
    ("damage", "where", "what"),
    [
        (alter_the_model, "model.keras", "is not what was exported (its SHA-256 differs from the manifest)"),
        (lose_the_labels, "labels.json", "is missing"),
        (cut_the_manifest, "manifest.json", "cannot be read"),
        (be_of_another_trial, "", "with the value 0.123, which the study does not have"),
    ],
)
def test_a_damaged_export_is_found_and_made_again(
    export: Path, damage: Callable[[Path], None], where: str, what: str
) -> None:
    damage(export)
    (found,) = examine(STUDY).findings
    assert found.where == str(export / where)
    assert what in found.what
    assert examine(STUDY, fix=True).consistent
    assert examine(STUDY, rescore=True).findings == ()


def test_a_model_that_scores_otherwise_than_was_logged_is_found(export: Path) -> None:
    import keras

    model = keras.saving.load_model(export / "model.keras", safe_mode=True)
    model.set_weights([weights * 0 for weights in model.get_weights()])
    model.save(export / "model.keras")
    digests = json.loads((export / "manifest.json").read_text())["sha256"]
    change_manifest(export, sha256=digests | {"model.keras": sha256(export / "model.keras")})
    assert examine(STUDY).findings == ()
    (found,) = examine(STUDY, rescore=True).findings
    assert found.where == str(export)
    assert found.what.startswith("its model scores 0.")
    assert found.repair is None
