"""Where compiled kernels are kept, and what happens when they cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from sweeps.dense_kernels import supported

FOLDER = "from sweeps.dense_kernels import cache; print(cache.folder())"
COMPILE = "from sweeps import dense_kernels as kernels; kernels.compile_ahead(); print(kernels.description())"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, nothing compiled."""
    copy = tmp_path / "site/sweeps/dense_kernels"
    shutil.copytree(ROOT / "sweeps/dense_kernels", copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "sweeps/__init__.py", copy.parent)
    return copy


def python(package: Path, code: str, **settings: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        cwd=package.parents[1],
        env=environment | {"PYTHONPATH": str(package.parents[1]), "XDG_CACHE_HOME": "/dev/null"} | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_older_sources_have_left_is_removed(package: Path) -> None:
    older = Path(python(package, FOLDER))
    (older / "kernels.train-1.py311.1.nbc").write_bytes(b"compiled")
    with (package / "products.py").open("a") as file:
        file.write("# changed\n")
    newer = Path(python(package, FOLDER))
    assert newer != older
    assert [path.name for path in newer.parent.glob("kernels-*")] == [newer.name]


def test_the_folder_is_one_that_can_be_written(package: Path, tmp_path: Path) -> None:
    assert Path(python(package, FOLDER)).parent == package / "__pycache__"
    given = tmp_path / "given"
    assert Path(python(package, FOLDER, NUMBA_CACHE_DIR=str(given))).is_relative_to(given)
    shutil.rmtree(package / "__pycache__")
    (package / "__pycache__").write_text("no folder")
    user = tmp_path / "user"
    assert Path(python(package, FOLDER, XDG_CACHE_HOME=str(user))).is_relative_to(user)
    assert python(package, FOLDER) == "None"


@pytest.mark.slow
@pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")
def test_kernels_that_cannot_be_kept_or_read_are_compiled_again(package: Path) -> None:
    folder = Path(python(package, FOLDER))
    assert "by kernels" in python(package, COMPILE)
    kept = list(folder.rglob("*.nb?"))
    assert kept
    for file in kept:
        file.write_bytes(file.read_bytes()[:40])
    assert "by kernels" in python(package, COMPILE)
    shutil.rmtree(package / "__pycache__")
    (package / "__pycache__").write_text("no folder")
    assert "by kernels" in python(package, COMPILE)
