"""Keras's global settings (dtype policy, floatx, …): carried to the workers, the same for each trial.

A worker is a process of its own, `clear_session` drops some of them, and what one trial's `build` sets must not reach
the next one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sweeps.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True)
class KerasState:
    """The settings that decide what a model computes, by their names in `keras.config` and `tf.config`.

    Attributes:
        dtype_policy: serialized; None: floatx is the policy.
        flash_attention: None: where it can be used.
    """

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    dtype_policy: Mapping[str, Any] | None = None
    flash_attention: bool | None = None
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    op_determinism: bool = False
    tensor_float_32: bool = True

    @property
    def changed(self) -> dict[str, str]:
        """What is not Keras's default, as text."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        if self.dtype_policy is not None:
            values["dtype_policy"] = self.dtype_policy["config"].get("name", self.dtype_policy["class_name"])
        return {one.name: str(values[one.name]) for one in fields(self) if getattr(self, one.name) != one.default}

    def restore(self) -> None:
        """Make these the settings of this process."""
        import keras
        import tensorflow as tf
        from keras.src.backend.common.global_state import set_global_attribute
        from tensorflow.python.framework import config

        keras.config.set_floatx(self.floatx)
        keras.config.set_epsilon(self.epsilon)
        keras.config.set_image_data_format(self.image_data_format)
        keras.config.set_max_epochs(self.max_epochs)
        keras.config.set_max_steps_per_epoch(self.max_steps_per_epoch)
        policy = None if self.dtype_policy is None else keras.dtype_policies.deserialize(dict(self.dtype_policy))
        set_global_attribute("dtype_policy", policy)
        set_global_attribute("flash_attention", self.flash_attention)
        if self.op_determinism != config.is_op_determinism_enabled():
            (config.enable_op_determinism if self.op_determinism else config.disable_op_determinism)()
        if self.tensor_float_32 != tf.config.experimental.tensor_float_32_execution_enabled():
            tf.config.experimental.enable_tensor_float_32_execution(self.tensor_float_32)


def current() -> KerasState:
    """The settings of this process."""
    import keras
    import tensorflow as tf
    from keras.src.backend.common.global_state import get_global_attribute
    from tensorflow.python.framework import config

    # `keras.config.dtype_policy()` would set one where there is none
    policy = get_global_attribute("dtype_policy")
    is_floatx = policy is None or policy == keras.DTypePolicy(keras.config.floatx())
    return KerasState(
        keras.config.floatx(),
        keras.config.epsilon(),
        keras.config.image_data_format(),
        None if is_floatx else keras.dtype_policies.serialize(policy),
        get_global_attribute("flash_attention"),
        keras.config.max_epochs(),
        keras.config.max_steps_per_epoch(),
        config.is_op_determinism_enabled(),
        tf.config.experimental.tensor_float_32_execution_enabled(),
    )


def of_client() -> KerasState | None:
    """The settings of the program that asks for a sweep; None where it has not imported Keras, and has set nothing.

    Raises:
        InputError: its models are distributed over devices.
    """
    return _carried() if "keras" in sys.modules else None


def _carried() -> KerasState:
    import keras

    if keras.distribution.distribution() is not None:
        raise InputError(
            "keras.distribution.set_distribution: trials run side by side, each on devices of its own; leave it out"
        )
    return current()


_initial: KerasState | None = None
_left: dict[Hashable, KerasState] = {}
_kept: KerasState | None = None


def settle(given: KerasState | None, key: Hashable, load: Callable[[], T]) -> T:
    """Load a person's code with the settings that the client had; what its import changes holds for all models after.

    Args:
        given: see `of_client`; None: those that a process begins with.
        key: of the code, which Python runs once a process.

    Raises:
        InputError: see `of_client`.
    """
    global _initial, _kept
    _initial = _initial or current()
    _left.get(key, given or _initial).restore()
    loaded = load()
    _kept = _left.setdefault(key, _carried())
    _kept.restore()
    return loaded


def restore() -> None:
    """Put the settings back before a model is built: the former one's `build` may have changed them."""
    if _kept is not None:
        _kept.restore()


def settled() -> KerasState:
    """The settings that each model of this process begins with."""
    return _kept or current()


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Put the settings back after the block: a person's code that is imported or run in it may change them."""
    before = current()
    try:
        yield
    finally:
        before.restore()
