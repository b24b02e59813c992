"""The sources of a space, sent to a machine that has none of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sweeps.space import shipped
from sweeps.space.reference import is_own
from sweeps.space.resolve import import_source
from sweeps.space.shipped import ShippedSpace


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is imported and unpacked is forgotten, and temporary files are the test's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield
    shipped._unpacked.cache_clear()
    for name in set(sys.modules) - known:
        del sys.modules[name]


def written(folder: Path, width: int) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "space.py").write_text("from widths import WIDTH\n\n\ndef build(hp):\n    return WIDTH\n")
    (folder / "widths.py").write_text(f"WIDTH = {width}\n")
    (folder / "unused.py").write_text("import nothing_of_that_name\n")
    return f"{folder}/space.py:build"


def value_of(space: ShippedSpace) -> int:
    name = space.unpacked()
    assert is_own(name)
    source, _, attribute = name.rpartition(":")
    return int(getattr(import_source(source), attribute)(None))


def test_a_file_travels_with_the_modules_that_it_imports_and_no_others(tmp_path: Path) -> None:
    space = ShippedSpace.of(written(tmp_path, 3))
    assert space is not None
    assert [name for name, _ in space.files] == ["space.py", "widths.py"]


@pytest.mark.usefixtures("elsewhere")
def test_an_edited_space_is_not_the_one_that_was_sent_before(tmp_path: Path) -> None:
    first = ShippedSpace.of(written(tmp_path / "there", 3))
    second = ShippedSpace.of(written(tmp_path / "there", 4))
    assert first is not None
    assert second is not None
    assert value_of(first) == 3
    del sys.modules["widths"]  # as a worker does between two sweeps
    assert value_of(second) == 4


def test_a_package_s_modules_keep_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "mine" / "models"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "dense.py").write_text("from ..sizes import SIZE\n\n\ndef build(hp):\n    return SIZE\n")
    (package.parent / "sizes.py").write_text("SIZE = 5\n")
    monkeypatch.chdir(tmp_path)
    space = ShippedSpace.of("mine.models.dense:build")
    assert space is not None
    assert {name for name, _ in space.files} >= {"mine/models/dense.py", "mine/sizes.py"}
    assert space.main == "mine.models.dense"


def test_an_installed_module_does_not_travel() -> None:
    assert ShippedSpace.of("keras_tuner.applications:HyperResNet") is None
