"""What all registered spaces have in common: they are made of a `DataSpec`, and draw the batch size and the
learning rate's schedule in `fit`."""

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
        spec: what the data asks of a model.
        name: of the space and of its models.

    Attributes:
        kept: hyperparameters that a search leaves at one value unless it is told otherwise.
    """

    kept: ClassVar[Mapping[str, str]] = {}

    def __init__(self, spec: DataSpec, name: str) -> None:
        super().__init__(name=name)
        self.spec = spec

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with a drawn `batch_size` and a drawn `schedule`; all else as given."""
        batch_size = hp.Choice("batch_size", list(BATCH_SIZES), default=32)
        validated = kwargs.get("validation_data") is not None or bool(kwargs.get("validation_split"))
        # before the others, so that these see an epoch's rate in its logs, and the next one's in the optimizer
        callbacks = [*schedule(hp, kwargs.get("epochs", 1), validated), *(kwargs.pop("callbacks", None) or ())]
        return model.fit(*args, batch_size=batch_size, callbacks=callbacks, **kwargs)
