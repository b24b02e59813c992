"""Subnormal floats in compiled code: the bits of the processor's control register MXCSR that make them zero.

The functions are Numba intrinsics, as in `vectors.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sweeps.dense_kernels.llvm import INT32

#: subnormal results are zero, subnormal operands are zero
_FLUSH_TO_ZERO, _DENORMALS_ARE_ZERO = 0x8000, 0x0040


@intrinsic  # type: ignore[untyped-decorator]
def flush_denormals(context: Any) -> Any:
    """Flush subnormal floats to zero in this thread; returns the former control register, for `restore`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = cgutils.alloca_once(builder, INT32)
        _control(builder, "st", place)
        before = builder.load(place)
        _set_control(builder, builder.or_(before, ir.Constant(INT32, _FLUSH_TO_ZERO | _DENORMALS_ARE_ZERO)))
        return before

    return types.uint32(), code


@intrinsic  # type: ignore[untyped-decorator]
def restore(context: Any, register: Any) -> Any:
    """Set the control register to what `flush_denormals` returned."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _set_control(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.uint32), code


def _set_control(builder: Any, value: Any) -> None:
    place = cgutils.alloca_once(builder, INT32)
    builder.store(value, place)
    _control(builder, "ld", place)


def _control(builder: Any, way: str, place: Any) -> None:
    """Load (`ld`) the register from an address, or store (`st`) it there."""
    pointer = builder.bitcast(place, ir.IntType(8).as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{way}mxcsr"), [pointer])
