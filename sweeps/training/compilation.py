"""XLA or not, and the options under which a graph is made and run.

Measured (784-…-10 nets of 1-4 layers of 16-300 units, batch 32, one core): XLA compiles for 0.5-0.8 s longer
and then saves 10-45 µs a step where the optimizer has a fused kernel, 150 µs where it has none. It pays from
some 30,000 steps on, and from 6,000 on without a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from sweeps.training.kernels import is_fused

STEPS_FOR_XLA = 30_000
STEPS_FOR_XLA_WITHOUT_KERNEL = 6_000


def use_xla(jit: bool | str, model: Any, steps: int) -> bool:
    """Whether XLA compiles the epoch.

    Args:
        jit: the caller's wish; `"auto"` decides by `steps`.
        model: a compiled Keras model; one compiled with `jit_compile=True` gets XLA.
        steps: training steps in all epochs that are to come.

    Raises:
        ValueError: `jit` is neither a boolean nor `"auto"`.
    """
    if jit not in (True, False, "auto"):
        raise ValueError(f'`jit` must be True, False or "auto", got jit={jit!r}')
    if isinstance(jit, bool):
        return jit
    if model.jit_compile:
        return True
    if _draws_random_numbers(model):
        return False
    return steps >= (STEPS_FOR_XLA if is_fused(model.optimizer) else STEPS_FOR_XLA_WITHOUT_KERNEL)


def _draws_random_numbers(model: Any) -> bool:
    """Whether a layer (Dropout, noise) draws: under XLA it draws other numbers than under Keras's `fit`."""
    return any(layer._seed_generators for layer in model._flatten_layers() if hasattr(layer, "_seed_generators"))


@contextmanager
def without_rewriting() -> Iterator[None]:
    """While inside, TensorFlow runs graphs as they were traced.

    Its graph rewriting takes 20-40 ms a graph and gains nothing measurable here. The options belong to a
    function's identity: every call of it must be made inside.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})
