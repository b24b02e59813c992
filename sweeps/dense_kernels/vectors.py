"""Vectors of floats as values of compiled functions: what a processor computes with at once, written as Python.

LLVM, which Numba compiles with, knows vectors as values; Numba does not. `Vectors(n)` is a Numba type for n of them,
held in registers, and the functions below are what can be done with it. They can be called in compiled code alone
(https://numba.readthedocs.io/en/stable/extending/high-level.html#implementing-intrinsics).

Addresses are `uintp`, in bytes, those of vectors multiples of `BYTES`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

from sweeps.dense_kernels.target import lanes

#: floats of a vector: 16 of AVX-512, 8 of AVX2; 8 where the target has neither, which is right and slow
LANES = lanes() or 8
BYTES = 4 * LANES

_FLOAT, _INT32 = ir.FloatType(), ir.IntType(32)
_VECTOR, _INTEGERS = ir.VectorType(_FLOAT, LANES), ir.VectorType(_INT32, LANES)
_MASK = ir.VectorType(ir.IntType(1), LANES)
#: bytes that a processor brings from memory at once
CACHE_LINE = 64
_SMALLEST_NORMAL = 1.1754943508222875e-38
#: an integer with a bit for each float of a vector
MASK_TYPE = types.uint16 if LANES == 16 else types.uint8


class Vectors(types.Type):  # type: ignore[misc]
    """`n` vectors of `LANES` float32 each."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Vectors({n})")


@register_model(Vectors)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vectors) -> None:
        super().__init__(manager, kind, ir.ArrayType(_VECTOR, kind.n))


def _pointer(builder: Any, address: Any, offset: int = 0, kind: Any = _VECTOR) -> Any:
    return builder.inttoptr(builder.add(address, ir.Constant(address.type, offset)), kind.as_pointer())


def _load(builder: Any, address: Any, i: int = 0) -> Any:
    return builder.load(_pointer(builder, address, BYTES * i), align=BYTES)


def _broadcast(builder: Any, scalar: Any) -> Any:
    """A vector with `scalar` in every place."""
    nothing = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_INTEGERS, [0] * LANES))


def _pack(builder: Any, vectors: list[Any]) -> Any:
    """The value of `Vectors(len(vectors))`."""
    value = ir.Constant(ir.ArrayType(_VECTOR, len(vectors)), ir.Undefined)
    for i, vector in enumerate(vectors):
        value = builder.insert_value(value, vector, i)
    return value


@intrinsic  # type: ignore[untyped-decorator]
def load(context: Any, n: Any, address: Any) -> Any:
    """The `n` (a literal) vectors at `address`."""

    if not isinstance(n, types.IntegerLiteral):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _pack(builder, [_load(builder, arguments[1], i) for i in range(n.literal_value)])

    return Vectors(n.literal_value)(n, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def load_like(context: Any, vectors: Any, address: Any) -> Any:
    """As many vectors as those, from `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _pack(builder, [_load(builder, arguments[1], i) for i in range(vectors.n)])

    return vectors(vectors, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def zeros(context: Any, n: Any) -> Any:
    """`n` (a literal) vectors of zeros."""

    if not isinstance(n, types.IntegerLiteral):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.ArrayType(_VECTOR, n.literal_value), None)

    return Vectors(n.literal_value)(n), code


@intrinsic  # type: ignore[untyped-decorator]
def store(context: Any, vectors: Any, address: Any) -> Any:
    """Write them to `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for i in range(vectors.n):
            vector = builder.extract_value(arguments[0], i)
            builder.store(vector, _pointer(builder, arguments[1], BYTES * i), align=BYTES)
        return context.get_dummy_value()

    return types.void(vectors, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_product(context: Any, vectors: Any, factor: Any, address: Any) -> Any:
    """`vectors` and, multiplied with the float at the address `factor`, those at `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
        times = _broadcast(builder, builder.load(_pointer(builder, arguments[1], kind=_FLOAT)))
        sums = [
            builder.call(fma, [times, _load(builder, arguments[2], i), builder.extract_value(arguments[0], i)])
            for i in range(vectors.n)
        ]
        return _pack(builder, sums)

    return vectors(vectors, types.uintp, types.uintp), code


def _arithmetic(instruction: str) -> Callable[..., Any]:
    @intrinsic  # type: ignore[untyped-decorator]
    def function(context: Any, left: Any, right: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            sides = [_each(builder, *pair) for pair in zip(arguments, signature.args, strict=True)]
            compute = getattr(builder, instruction)
            return _pack(builder, [compute(*pair, flags=["contract"]) for pair in zip(*sides, strict=True)])

        def _each(builder: Any, value: Any, kind: Any) -> list[Any]:
            if isinstance(kind, Vectors):
                return [builder.extract_value(value, i) for i in range(kind.n)]
            return [_broadcast(builder, value)] * left.n

        return left(left, right), code

    return function  # type: ignore[no-any-return]


def _overload(symbol: Any, instruction: str) -> None:
    function = _arithmetic(instruction)

    @overload(symbol)
    def _(left, right):  # type: ignore[no-untyped-def]  # Numba compares its parameters with the lambda's
        if isinstance(left, Vectors) and (right == left or right == types.float32):
            return lambda left, right: function(left, right)
        return None


for _symbol, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
):
    _overload(_symbol, _instruction)


@intrinsic  # type: ignore[untyped-decorator]
def divide_by_root(context: Any, vectors: Any, squares: Any, epsilon: Any) -> Any:
    """`vectors / (sqrt(squares) + epsilon)`, within two units in the last place."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        compute: Any = _divide_by_root_by_estimates if LANES == 16 else _divide_by_root
        epsilon = _broadcast(builder, arguments[2])
        pairs = [[builder.extract_value(value, i) for value in arguments[:2]] for i in range(vectors.n)]
        return _pack(builder, [compute(builder, *pair, epsilon) for pair in pairs])

    return vectors(vectors, squares, types.float32), code


def _divide_by_root(builder: Any, vector: Any, square: Any, epsilon: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    sqrt = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f32")
    return builder.fdiv(vector, builder.fadd(builder.call(sqrt, [square]), epsilon))


def _divide_by_root_by_estimates(builder: Any, vector: Any, square: Any, epsilon: Any) -> Any:
    """A division and a root take 20 cycles, an estimate of 14 bits (AVX-512) and a step of Newton's a third of it."""

    def estimate(name: str, value: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, ir.IntType(16)])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx512.{name}14.ps.512")
        return builder.call(function, [value, ir.Constant(_VECTOR, None), ir.Constant(ir.IntType(16), -1)])

    def constant(value: float) -> Any:
        return ir.Constant(_VECTOR, [value] * LANES)

    def times(left: Any, right: Any) -> Any:
        return builder.fmul(left, right, flags=["contract"])

    def minus(left: Any, right: Any) -> Any:
        return builder.fsub(left, right, flags=["contract"])

    # of zero the estimate is infinite; a root of 1e-19 is nothing beside epsilon. NaN stays NaN
    square = builder.select(
        builder.fcmp_ordered("<", square, constant(_SMALLEST_NORMAL)), constant(_SMALLEST_NORMAL), square
    )
    inverse = estimate("rsqrt", square)
    half = times(times(square, constant(0.5)), inverse)
    inverse = times(inverse, minus(constant(1.5), times(half, inverse)))
    divisor = builder.fadd(times(square, inverse), epsilon, flags=["contract"])
    inverse = estimate("rcp", divisor)
    return times(vector, times(inverse, minus(constant(2.0), times(divisor, inverse))))


@intrinsic  # type: ignore[untyped-decorator]
def nonzero(context: Any, address: Any) -> Any:
    """Which floats of the vector at `address` are not zero (NaN is not), as `MASK_TYPE`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.fcmp_unordered("!=", _load(builder, arguments[0]), ir.Constant(_VECTOR, None))
        return builder.bitcast(found, ir.IntType(LANES))

    return MASK_TYPE(types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def mark(context: Any, marks: Any, bits: Any, bit: Any) -> Any:
    """`marks`, one vector taken as integers of 32 bits, with `bit` set in those that `bits` names."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        which = builder.bitcast(arguments[1], _MASK)
        integers = builder.bitcast(builder.extract_value(arguments[0], 0), _INTEGERS)
        chosen = builder.select(which, _broadcast(builder, arguments[2]), ir.Constant(_INTEGERS, None))
        return _pack(builder, [builder.bitcast(builder.or_(integers, chosen), _VECTOR)])

    return marks(marks, MASK_TYPE, types.uint32), code


@intrinsic  # type: ignore[untyped-decorator]
def lowest_bit(context: Any, bits: Any) -> Any:
    """The place of the lowest bit that is set; there must be one."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return bits(bits), code


@intrinsic  # type: ignore[untyped-decorator]
def get(context: Any, kind: Any, address: Any) -> Any:
    """The number of that kind, a NumPy type, at `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[1], kind=context.get_value_type(kind.dtype)))

    return kind.dtype(kind, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def put(context: Any, value: Any, address: Any) -> Any:
    """Write a number to `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[0], _pointer(builder, arguments[1], kind=arguments[0].type))
        return context.get_dummy_value()

    return types.void(value, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, address: Any) -> Any:
    """Have the line of `address` brought near; it will be read."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, *[_INT32] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, *(ir.Constant(_INT32, value) for value in (0, 2, 1))])
        return context.get_dummy_value()

    return types.void(types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def transpose_tile(context: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
    """`LANES` by `LANES` floats, transposed; a row of the source, and of the target, has so many bytes."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, source_row, target, target_row = arguments
        rows = [_load(builder, _row(builder, source, source_row, i)) for i in range(LANES)]
        step = LANES // 2
        while step:  # exchange the quarters off the diagonal, in ever smaller squares
            upper = [lane if not lane & step else LANES + lane - step for lane in range(LANES)]
            lower = [lane + step if not lane & step else LANES + lane for lane in range(LANES)]
            for i in (i for i in range(LANES) if not i & step):
                pair = rows[i], rows[i + step]
                rows[i], rows[i + step] = (
                    builder.shuffle_vector(*pair, ir.Constant(_INTEGERS, lanes)) for lanes in (upper, lower)
                )
            step //= 2
        for i, row in enumerate(rows):
            builder.store(row, _pointer(builder, _row(builder, target, target_row, i)), align=BYTES)
        return context.get_dummy_value()

    return types.void(types.uintp, types.uintp, types.uintp, types.uintp), code


def _row(builder: Any, address: Any, bytes_a_row: Any, i: int) -> Any:
    return builder.add(address, builder.mul(bytes_a_row, ir.Constant(address.type, i)))
