"""The base of the registered spaces, which draws the batch size and the learning rate schedule in `fit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import keras_tuner

from search_spaces.data_spec import DataSpec
from search_spaces.schedules import schedule

BATCH_SIZES = (16, 32, 64, 128)


class Family(keras_tuner.HyperModel):  # type: ignore[misc]
    """Base of the registered spaces; a family adds `build`.

    Args:
        spec: the description of the data.
        name: of the space and of its models; by default `default_name`.

    Attributes:
        default_name: the name of the space in the registry.
        kept: values of hyperparameters that a search does not vary unless `--set` names them.
    """

    default_name: ClassVar[str]
    kept: ClassVar[Mapping[str, str]] = {}

    def __init__(self, spec: DataSpec, name: str | None = None) -> None:
        super().__init__(name=name or self.default_name)
        self.spec = spec

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with the hyperparameters `batch_size` and `schedule`; other arguments are passed on."""
        batch_size = hp.Choice("batch_size", list(BATCH_SIZES), default=32)
        validated = kwargs.get("validation_data") is not None or bool(kwargs.get("validation_split"))
        # before other callbacks, so that these see the epoch's rate in its logs, and the next one in the optimizer
        callbacks = [*schedule(hp, kwargs.get("epochs", 1), validated), *(kwargs.pop("callbacks", None) or ())]
        return model.fit(*args, batch_size=batch_size, callbacks=callbacks, **kwargs)
