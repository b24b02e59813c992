"""Numba's compilation target in this process, and whether the kernels are supported on it.

Numba compiles for this machine's processor unless `NUMBA_CPU_NAME`, `NUMBA_CPU_FEATURES` or a file
`.numba_config.yaml` says otherwise. So Numba's target is checked and not the processor: LLVM aborts the process if
code uses instructions that its target lacks.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from typing import Any

#: the environment variable that switches the kernels off, by the value `0`
SWITCH = "SWEEPS_DENSE_KERNELS"
#: the oldest and newest Numba that the kernels were tested with; pyproject.toml has the same bounds
OLDEST_NUMBA, NEWEST_NUMBA = (0, 62), (0, 68)
#: the features that a processor needs for so many lanes, by LLVM's names
_FEATURES = {16: ("avx512f",), 8: ("avx2", "fma")}
#: a script that compiles an empty function
_COMPILE_TEST = "import numba; numba.njit(lambda: None)()"

_failure: str | None = None


def supported() -> str | None:
    """Why the kernels are not supported in this process; None where they are.

    They need FMA and AVX2: without these they would run, but slower than a TensorFlow graph.
    """
    return _failure or _reason()


def give_up(error: Exception) -> None:
    """Mark the kernels as not supported in this process, since their compilation failed with `error`."""
    global _failure
    _failure = f"the kernels cannot be compiled: {_one_line(error)}"


def forget() -> None:
    """Let `supported` look again."""
    global _failure
    _failure = None
    _reason.cache_clear()


def description() -> str:
    """How dense layers are trained in this process, and why; one line."""
    reason = supported()
    return f"by a TensorFlow graph: {reason}" if reason else f"by kernels, {lanes()} floats at once"


@cache
def _reason() -> str | None:
    return _because_of_switch() or _because_of_processor() or _because_of_numba() or _because_of_target()


@cache
def lanes() -> int:
    """Floats of a vector on Numba's target: 16 with AVX-512, 8 with FMA and AVX2, 0 without.

    LLVM compiles operations on 16 floats and splits those that the target lacks: the assembly shows the vectors' size.
    """
    assembly = _assembly_of_vectors().splitlines()
    for count, register in ((16, "%zmm"), (8, "%ymm")):
        if all(any(name in line and register in line for line in assembly) for name in ("vfmadd", "vpmulld")):
            return count
    return 0


def _because_of_switch() -> str | None:
    return f"{SWITCH}=0" if os.environ.get(SWITCH, "").strip() == "0" else None


def _because_of_processor() -> str | None:
    machine = platform.machine()
    return None if machine.lower() in ("x86_64", "amd64") else f"the processor is {machine or 'unknown'}, not x86-64"


def _because_of_numba() -> str | None:
    try:
        version = metadata.version("numba")
    except metadata.PackageNotFoundError:
        return "Numba is not installed"
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if not OLDEST_NUMBA <= numbers <= NEWEST_NUMBA:
        bounds = " to ".join(".".join(map(str, bound)) for bound in (OLDEST_NUMBA, NEWEST_NUMBA))
        return f"Numba {version} is installed; the kernels are for {bounds}"
    try:
        from numba import config
    except Exception as error:  # an import can raise anything
        return f"Numba cannot be imported: {_one_line(error)}"
    config.reload_config()  # it may have been imported before this process was forked
    return "NUMBA_DISABLE_JIT is set" if config.DISABLE_JIT else None


def _because_of_target() -> str | None:
    from llvmlite import binding
    from numba import config

    is_configured = config.CPU_NAME is not None or config.CPU_FEATURES is not None
    if is_configured and not _can_compile():
        return f"Numba cannot compile for {_target_name()}"
    try:
        count = lanes()
    except Exception as error:  # Numba's code generator is private
        return f"Numba's target is not known: {_one_line(error)}"
    if not count:
        return f"Numba compiles for {_target_name()}, without FMA and AVX2"
    processor = binding.get_host_cpu_features()
    lacking = [name for name in _FEATURES[count] if not processor.get(name)]
    return f"Numba compiles for {_target_name()}; this processor lacks {', '.join(lacking)}" if lacking else None


def _can_compile() -> bool:
    """Whether Numba compiles under its settings: LLVM aborts the process at an unknown processor or feature."""
    done = subprocess.run([sys.executable, "-c", _COMPILE_TEST], capture_output=True, check=False)
    return done.returncode == 0


def _target_name() -> str:
    from llvmlite import binding
    from numba import config

    settings = {"NUMBA_CPU_NAME": config.CPU_NAME, "NUMBA_CPU_FEATURES": config.CPU_FEATURES}
    configured = " ".join(f"{name}={value}" for name, value in settings.items() if value)
    return configured or str(binding.get_host_cpu_name())


def _assembly_of_vectors() -> str:
    """The assembly of a fused multiply-add of 16 floats and a product of 16 integers."""
    from llvmlite import binding, ir
    from numba.core.registry import cpu_target

    floats, integers = ir.VectorType(ir.FloatType(), 16), ir.VectorType(ir.IntType(32), 16)
    module = ir.Module("probe")
    fma = ir.Function(module, ir.FunctionType(floats, [floats] * 3), "llvm.fma.v16f32")
    kind = ir.FunctionType(ir.VoidType(), [floats.as_pointer(), integers.as_pointer()])
    function = ir.Function(module, kind, "probe")
    builder = ir.IRBuilder(function.append_basic_block())
    x, i = (builder.load(argument, align=4) for argument in function.args)
    builder.store(builder.call(fma, [x, x, x]), function.args[0], align=4)
    builder.store(builder.mul(i, i), function.args[1], align=4)
    builder.ret_void()
    machine: Any = cpu_target.target_context.codegen()._tm
    module.triple = machine.triple
    return str(machine.emit_assembly(binding.parse_assembly(str(module))))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
