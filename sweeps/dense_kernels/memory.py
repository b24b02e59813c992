"""Access to memory by compiled code: scalars, bit masks of nonzero floats, transposed tiles.

The functions are Numba intrinsics, as in `vectors.py`. Addresses are `uintp`, in bytes; those of vectors are multiples
of `llvm.BYTES`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sweeps.dense_kernels.llvm import (
    BYTES,
    INT32,
    INTEGERS,
    LANES,
    VECTOR,
    broadcast,
    load_vector,
    pack,
    pointer_to,
)

#: bytes of a cache line
CACHE_LINE = 64
#: an integer with one bit for each lane of a vector
MASK_TYPE = types.uint16 if LANES == 16 else types.uint8
_MASK = ir.VectorType(ir.IntType(1), LANES)


@intrinsic  # type: ignore[untyped-decorator]
def nonzero(context: Any, address: Any) -> Any:
    """A bit mask of the lanes of the vector at `address` that are not zero (NaN is not), as `MASK_TYPE`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        mask = builder.fcmp_unordered("!=", load_vector(builder, arguments[0]), ir.Constant(VECTOR, None))
        return builder.bitcast(mask, ir.IntType(LANES))

    return MASK_TYPE(types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def mark(context: Any, marks: Any, bits: Any, bit: Any) -> Any:
    """`marks`, one vector read as 32-bit integers, with `bit` set in the lanes of the mask `bits`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lane_mask = builder.bitcast(arguments[1], _MASK)
        integers = builder.bitcast(builder.extract_value(arguments[0], 0), INTEGERS)
        chosen = builder.select(lane_mask, broadcast(builder, arguments[2]), ir.Constant(INTEGERS, None))
        return pack(builder, [builder.bitcast(builder.or_(integers, chosen), VECTOR)])

    return marks(marks, MASK_TYPE, types.uint32), code


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(context: Any, bits: Any) -> Any:
    """The index of the lowest set bit; undefined for 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return bits(bits), code


@intrinsic  # type: ignore[untyped-decorator]
def get(context: Any, kind: Any, address: Any) -> Any:
    """The scalar of the NumPy type `kind` at `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(pointer_to(builder, arguments[1], kind=context.get_value_type(kind.dtype)))

    return kind.dtype(kind, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def put(context: Any, value: Any, address: Any) -> Any:
    """Write a scalar to `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[0], pointer_to(builder, arguments[1], kind=arguments[0].type))
        return context.get_dummy_value()

    return types.void(value, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, address: Any) -> Any:
    """Prefetch the cache line of `address` for reading."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[INT32] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, *(ir.Constant(INT32, value) for value in (0, 2, 1))])
        return context.get_dummy_value()

    return types.void(types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def transpose_tile(context: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
    """Transpose a tile of `LANES` by `LANES` floats; `source_row` and `target_row` are bytes from row to row."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, source_row, target, target_row = arguments
        rows = [load_vector(builder, _row(builder, source, source_row, i)) for i in range(LANES)]
        step = LANES // 2
        while step:  # swap the off-diagonal quarters, in smaller and smaller squares
            upper = [lane if not lane & step else LANES + lane - step for lane in range(LANES)]
            lower = [lane + step if not lane & step else LANES + lane for lane in range(LANES)]
            for i in (i for i in range(LANES) if not i & step):
                pair = rows[i], rows[i + step]
                rows[i], rows[i + step] = (
                    builder.shuffle_vector(*pair, ir.Constant(INTEGERS, lanes)) for lanes in (upper, lower)
                )
            step //= 2
        for i, row in enumerate(rows):
            builder.store(row, pointer_to(builder, _row(builder, target, target_row, i)), align=BYTES)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp, types.uintp), code


def _row(builder: Any, address: Any, bytes_a_row: Any, i: int) -> Any:
    return builder.add(address, builder.mul(bytes_a_row, ir.Constant(address.type, i)))
