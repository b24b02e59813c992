"""SIMD vectors of floats as values of compiled functions.

The functions are Numba intrinsics: they can only be called from compiled code
(https://numba.readthedocs.io/en/stable/extending/high-level.html#implementing-intrinsics). Addresses are `uintp`, in
bytes, multiples of `llvm.BYTES`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from sweeps.dense_kernels.llvm import BYTES, FLOAT, LANES, VECTOR, Vectors, broadcast, load_vector, pack, pointer_to

#: the smallest normal float32
_SMALLEST_NORMAL = 1.1754943508222875e-38


@intrinsic  # type: ignore[untyped-decorator]
def load(context: Any, n: Any, address: Any) -> Any:
    """The `n` (a literal) vectors at `address`."""

    if not isinstance(n, types.IntegerLiteral):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return pack(builder, [load_vector(builder, arguments[1], i) for i in range(n.literal_value)])

    return Vectors(n.literal_value)(n, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def load_like(context: Any, vectors: Any, address: Any) -> Any:
    """As many vectors as `vectors` has, from `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return pack(builder, [load_vector(builder, arguments[1], i) for i in range(vectors.n)])

    return vectors(vectors, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def zeros(context: Any, n: Any) -> Any:
    """`n` (a literal) vectors of zeros."""

    if not isinstance(n, types.IntegerLiteral):
        return None

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(ir.ArrayType(VECTOR, n.literal_value), None)

    return Vectors(n.literal_value)(n), code


@intrinsic  # type: ignore[untyped-decorator]
def store(context: Any, vectors: Any, address: Any) -> Any:
    """Write `vectors` to `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for i in range(vectors.n):
            vector = builder.extract_value(arguments[0], i)
            builder.store(vector, pointer_to(builder, arguments[1], BYTES * i), align=BYTES)
        return context.get_dummy_value()

    return types.void(vectors, types.uintp), code


@intrinsic  # type: ignore[untyped-decorator]
def add_product(context: Any, vectors: Any, factor: Any, address: Any) -> Any:
    """`vectors` plus the float at the address `factor` times the vectors at `address`."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
        scale = broadcast(builder, builder.load(pointer_to(builder, arguments[1], kind=FLOAT)))
        sums = [
            builder.call(fma, [scale, load_vector(builder, arguments[2], i), builder.extract_value(arguments[0], i)])
            for i in range(vectors.n)
        ]
        return pack(builder, sums)

    return vectors(vectors, types.uintp, types.uintp), code


def _arithmetic(instruction: str) -> Callable[..., Any]:
    @intrinsic  # type: ignore[untyped-decorator]
    def function(context: Any, left: Any, right: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            sides = [_each(builder, *pair) for pair in zip(arguments, signature.args, strict=True)]
            compute = getattr(builder, instruction)
            return pack(builder, [compute(*pair, flags=["contract"]) for pair in zip(*sides, strict=True)])

        def _each(builder: Any, value: Any, kind: Any) -> list[Any]:
            if isinstance(kind, Vectors):
                return [builder.extract_value(value, i) for i in range(kind.n)]
            return [broadcast(builder, value)] * left.n

        return left(left, right), code

    return function  # type: ignore[no-any-return]


def _overload(symbol: Any, instruction: str) -> None:
    function = _arithmetic(instruction)

    @overload(symbol)
    def _(left, right):  # type: ignore[no-untyped-def]  # Numba compares its parameter names with the lambda's
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
        epsilon = broadcast(builder, arguments[2])
        pairs = [[builder.extract_value(value, i) for value in arguments[:2]] for i in range(vectors.n)]
        return pack(builder, [compute(builder, *pair, epsilon) for pair in pairs])

    return vectors(vectors, squares, types.float32), code


def _divide_by_root(builder: Any, vector: Any, square: Any, epsilon: Any) -> Any:
    kind = ir.FunctionType(VECTOR, [VECTOR])
    sqrt = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{LANES}f32")
    return builder.fdiv(vector, builder.fadd(builder.call(sqrt, [square]), epsilon))


def _divide_by_root_by_estimates(builder: Any, vector: Any, square: Any, epsilon: Any) -> Any:
    """AVX-512's 14-bit estimates and a Newton step: a third of the time of a division and a square root."""

    def estimate(name: str, value: Any) -> Any:
        kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR, ir.IntType(16)])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.avx512.{name}14.ps.512")
        return builder.call(function, [value, ir.Constant(VECTOR, None), ir.Constant(ir.IntType(16), -1)])

    def constant(value: float) -> Any:
        return ir.Constant(VECTOR, [value] * LANES)

    def times(left: Any, right: Any) -> Any:
        return builder.fmul(left, right, flags=["contract"])

    def minus(left: Any, right: Any) -> Any:
        return builder.fsub(left, right, flags=["contract"])

    # the estimate for zero is infinite; the smallest normal's root is negligible beside epsilon. NaN stays NaN
    square = builder.select(
        builder.fcmp_ordered("<", square, constant(_SMALLEST_NORMAL)), constant(_SMALLEST_NORMAL), square
    )
    inverse = estimate("rsqrt", square)
    half = times(times(square, constant(0.5)), inverse)
    inverse = times(inverse, minus(constant(1.5), times(half, inverse)))
    divisor = builder.fadd(times(square, inverse), epsilon, flags=["contract"])
    inverse = estimate("rcp", divisor)
    return times(vector, times(inverse, minus(constant(2.0), times(divisor, inverse))))
