"""LLVM's vectors as a Numba type, and helpers to generate code with them.

LLVM, Numba's compiler, has vectors as values; Numba does not. `Vectors(n)` is a Numba type of n vectors, held in
registers. The functions here run while code is generated; those that compiled code calls are in `vectors.py` and
`memory.py`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import models, register_model

from sweeps.dense_kernels.target import lanes

#: floats of a vector: 16 for AVX-512, 8 for AVX2; 8 where the target has neither, which is correct but slow
LANES = lanes() or 8
BYTES = 4 * LANES

FLOAT, INT32 = ir.FloatType(), ir.IntType(32)
VECTOR, INTEGERS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)


class Vectors(types.Type):  # type: ignore[misc]
    """`n` vectors of `LANES` float32 each."""

    def __init__(self, n: int) -> None:
        self.n = n
        super().__init__(name=f"Vectors({n})")


@register_model(Vectors)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vectors) -> None:
        super().__init__(manager, kind, ir.ArrayType(VECTOR, kind.n))


def pointer_to(builder: Any, address: Any, offset: int = 0, kind: Any = VECTOR) -> Any:
    return builder.inttoptr(builder.add(address, ir.Constant(address.type, offset)), kind.as_pointer())


def load_vector(builder: Any, address: Any, i: int = 0) -> Any:
    return builder.load(pointer_to(builder, address, BYTES * i), align=BYTES)


def broadcast(builder: Any, scalar: Any) -> Any:
    """A vector with `scalar` in each lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(INT32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(INTEGERS, [0] * LANES))


def pack(builder: Any, vectors: list[Any]) -> Any:
    """A value of the type `Vectors(len(vectors))`."""
    value = ir.Constant(ir.ArrayType(VECTOR, len(vectors)), ir.Undefined)
    for i, vector in enumerate(vectors):
        value = builder.insert_value(value, vector, i)
    return value
