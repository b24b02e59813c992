"""Keras's global settings (dtype policy, floatx, …): sent to the workers, and restored before each trial.

Workers are other processes, `clear_session` resets some settings, and one trial's `build` must not change those of the
next.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sweeps.errors import InputError

T = TypeVar("T")

#: the settings with a getter and a setter in `keras.config`
_KERAS_CONFIG = ("floatx", "epsilon", "image_data_format", "max_epochs", "max_steps_per_epoch")


@dataclass(frozen=True)
class KerasState:
    """The settings that influence a model's results, by their names in `keras.config` and `tf.config`.

    Attributes:
        dtype_policy: serialized; None: that of floatx.
        flash_attention: None: used where possible.
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
        """The settings that differ from Keras's defaults, as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.dtype_policy is not None:
            values["dtype_policy"] = self.dtype_policy["config"].get("name", self.dtype_policy["class_name"])
        return {f.name: str(values[f.name]) for f in fields(self) if getattr(self, f.name) != f.default}

    def restore(self) -> None:
        """Make these the settings of this process."""
        import keras
        import tensorflow as tf
        from keras.src.backend.common.global_state import set_global_attribute
        from tensorflow.python.framework import config

        for name in _KERAS_CONFIG:
            getattr(keras.config, f"set_{name}")(getattr(self, name))
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

    # `keras.config.dtype_policy()` would set a policy where there is none
    policy = get_global_attribute("dtype_policy")
    is_floatx = policy is None or policy == keras.DTypePolicy(keras.config.floatx())
    return KerasState(
        dtype_policy=None if is_floatx else keras.dtype_policies.serialize(policy),
        flash_attention=get_global_attribute("flash_attention"),
        op_determinism=config.is_op_determinism_enabled(),
        tensor_float_32=tf.config.experimental.tensor_float_32_execution_enabled(),
        **{name: getattr(keras.config, name)() for name in _KERAS_CONFIG},
    )


def of_client() -> KerasState | None:
    """The settings of the program that starts a sweep; None where it has not imported Keras.

    Raises:
        InputError: `keras.distribution` is in use.
    """
    return _transferable() if "keras" in sys.modules else None


def _transferable() -> KerasState:
    import keras

    if keras.distribution.distribution() is not None:
        raise InputError(
            "keras.distribution.set_distribution: trials run side by side, each on devices of its own; leave it out"
        )
    return current()


#: the settings at the start of the process
_initial: KerasState | None = None
#: the settings after the import of each user code
_after_import: dict[Hashable, KerasState] = {}
#: the settings for each new model
_current: KerasState | None = None


def settle(client: KerasState | None, key: Hashable, load: Callable[[], T]) -> T:
    """Load the user's code with the client's settings; those after its import apply to all further models.

    Args:
        client: see `of_client`; None: the settings at the start of the process.
        key: identifies the code, which Python imports once per process.
        load: imports the code.

    Raises:
        InputError: see `of_client`.
    """
    global _initial, _current
    _initial = _initial or current()
    _after_import.get(key, client or _initial).restore()
    loaded = load()
    _current = _after_import.setdefault(key, _transferable())
    _current.restore()
    return loaded


def forget() -> None:
    """Let user code be loaded anew, with the settings at the start of the process."""
    global _current
    _after_import.clear()
    _current = None
    if _initial is not None:
        _initial.restore()


def restore() -> None:
    """Restore the settings before a model is built: the `build` of another one may have changed them."""
    if _current is not None:
        _current.restore()


def settled() -> KerasState:
    """The settings that apply to each new model of this process."""
    return _current or current()


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Restore the settings after the block, in which user code may change them."""
    before = current()
    try:
        yield
    finally:
        before.restore()
