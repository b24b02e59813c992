"""Whether to use XLA, and TensorFlow's options for graphs.

Measured (784-…-10 nets of 1-4 layers of 16-300 units, batch 32, one core): XLA takes 0.5-0.8 s longer to compile
and then saves 10-45 µs a step where the optimizer has a fused kernel, 150 µs where it has none. It pays off after
about 30,000 steps, without a fused kernel after 6,000.
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
    """Whether XLA should compile the training epoch.

    Args:
        jit: True, False, or `"auto"`: by `steps`, unless the model was compiled with `jit_compile=True`.
        model: a compiled Keras model.
        steps: training steps in all remaining epochs.

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
    """Whether a layer (Dropout, noise) is random: under XLA it draws other numbers than under Keras's `fit`."""
    return any(layer._seed_generators for layer in model._flatten_layers() if hasattr(layer, "_seed_generators"))


@contextmanager
def without_rewriting() -> Iterator[None]:
    """Switch off TensorFlow's graph rewriting, which takes 20-40 ms a graph and gains nothing measurable here.

    TensorFlow caches traces by these options: each call of a function must be made inside.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})
