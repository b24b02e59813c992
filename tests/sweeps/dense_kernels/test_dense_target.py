"""Whether the kernels are used follows from Numba's own target, and whatever a person sets there ends no process."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from support import ROOT

from sweeps import dense_kernels
from sweeps.dense_kernels import lanes, supported, target

#: Numba's settings for processors with so many lanes; its own target on an AVX-512 machine has AVX-512, whatever
#: NUMBA_CPU_NAME says, unless NUMBA_CPU_FEATURES are given too
SETTINGS = {
    8: {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
    16: {"NUMBA_CPU_NAME": "skylake-avx512", "NUMBA_CPU_FEATURES": "+avx512f"},
}
pytestmark = pytest.mark.skipif(supported() is not None, reason=f"the kernels are not for this machine: {supported()}")


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Python with this checkout and Numba's settings. One that finds another Numba, or none, is given a cache of its
    own: it would remove the kernels of this one, which all tests after it would compile again."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_CPU")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"} | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def described(**settings: str) -> str:
    done = run("-c", "from sweeps import dense_kernels as kernels; print(kernels.description())", **settings)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"SWEEPS_DENSE_KERNELS": "0"}, "SWEEPS_DENSE_KERNELS=0"),
        ({"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT is set"),
        ({"NUMBA_CPU_NAME": "generic"}, "Numba compiles for NUMBA_CPU_NAME=generic, without FMA and AVX2"),
        # FMA without AVX2
        ({"NUMBA_CPU_NAME": "bdver2", "NUMBA_CPU_FEATURES": ""}, "without FMA and AVX2"),
        ({"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "-fma"}, "without FMA and AVX2"),
        # at these LLVM aborts the process
        ({"NUMBA_CPU_FEATURES": "nonsense"}, "Numba cannot compile for NUMBA_CPU_FEATURES=nonsense"),
        ({"NUMBA_CPU_NAME": "nonsense", "NUMBA_CPU_FEATURES": ""}, "Numba cannot compile for NUMBA_CPU_NAME=nonsense"),
        ({"NUMBA_NUM_THREADS": "0"}, "Numba cannot be imported: ValueError"),
    ],
)
def test_without_the_kernels_the_reason_is_said(settings: dict[str, str], reason: str) -> None:
    said = described(**settings)
    assert said.startswith("by a TensorFlow graph: ")
    assert reason in said


@pytest.mark.parametrize("settings", [{"NUMBA_CPU_NAME": "haswell"}, {"NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}])
def test_the_processor_s_own_lanes_are_taken_where_numba_keeps_them(settings: dict[str, str]) -> None:
    assert described(**settings) == f"by kernels, {lanes()} floats at once"


def test_eight_lanes_are_taken_where_numba_compiles_for_avx2() -> None:
    assert described(**SETTINGS[8]) == "by kernels, 8 floats at once"


def test_a_numba_that_is_missing_broken_or_too_new_is_a_reason(tmp_path: Path) -> None:
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba/__init__.py").write_text("raise ImportError('numpy is too new')\n")
    ours = f"{tmp_path}{os.pathsep}{ROOT}"
    settings = {"PYTHONPATH": ours, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert "Numba cannot be imported: ImportError: numpy is too new" in described(**settings)
    (tmp_path / "numba-9.1.dist-info").mkdir()
    (tmp_path / "numba-9.1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: numba\nVersion: 9.1\n")
    assert "Numba 9.1 is installed; the kernels are for 0.62 to 0.68" in described(**settings)


def test_numba_need_not_be_installed(tmp_path: Path) -> None:
    hidden = "import importlib.metadata as m; m.version = lambda name: exec('raise m.PackageNotFoundError(name)'); "
    asked = "from sweeps import dense_kernels as kernels; print(kernels.compilation_is_due(), kernels.description())"
    done = run("-c", hidden + asked, NUMBA_CACHE_DIR=str(tmp_path))
    assert done.stdout == "False by a TensorFlow graph: Numba is not installed\n"


def test_another_architecture_is_a_reason() -> None:
    code = "import platform; platform.machine = lambda: 'aarch64'; from sweeps import dense_kernels as kernels; "
    assert run("-c", code + "print(kernels.supported())").stdout == "the processor is aarch64, not x86-64\n"


def test_the_bounds_on_numba_are_those_of_the_installation() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    oldest, (major, minor) = target.OLDEST_NUMBA, target.NEWEST_NUMBA
    assert f"numba>={oldest[0]}.{oldest[1]},<{major}.{minor + 1}" in wanted


def assert_pass(*files: str, **settings: str) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/sweeps/{file}" for file in files), **settings)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout


KERNELS = ("dense_kernels/test_dense_products.py", "dense_kernels/test_dense_reference.py")
WITH_KERAS = tuple(f"training/test_training_dense{part}.py" for part in ("", "_blocks", "_dropout", "_updates"))


@pytest.mark.slow
@pytest.mark.parametrize("files", [KERNELS, *((file,) for file in WITH_KERAS)], ids=lambda files: files[-1])
@pytest.mark.parametrize("count", SETTINGS)
def test_the_kernels_are_right_with_so_many_lanes(count: int, files: tuple[str, ...]) -> None:
    """Against NumPy and against Keras; this process's own lanes are tested by the other tests."""
    if count == lanes():
        pytest.skip(f"the other tests run with {count} lanes")
    if described(**SETTINGS[count]) != f"by kernels, {count} floats at once":
        pytest.skip(f"this processor cannot run {count} lanes: {described(**SETTINGS[count])}")
    assert_pass(*files, **SETTINGS[count])


@pytest.mark.slow
def test_without_vector_instructions_the_kernels_are_right() -> None:
    """Against NumPy. They are not chosen there; the graph, which is, all machines compare with Keras."""
    assert_pass(*KERNELS, NUMBA_CPU_NAME="generic")


def test_a_process_that_has_loaded_the_kernels_still_follows_the_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    dense_kernels.load()
    monkeypatch.setenv(target.SWITCH, "0")
    try:
        assert dense_kernels.supported() == f"{target.SWITCH}=0"
    finally:
        target.forget()
