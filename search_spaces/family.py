"""What all registered spaces have in common: they are made of a `DataSpec`, and draw the batch size in
`fit`."""

from __future__ import annotations

from typing import Any

import keras
import keras_tuner

from search_spaces.data_spec import DataSpec

BATCH_SIZES = (16, 32, 64, 128)


class Family(keras_tuner.HyperModel):  # type: ignore[misc]
    """Base of the registered spaces; a family adds `build`.

    Args:
        spec: what the data asks of a model.
        name: of the space and of its models.
    """

    def __init__(self, spec: DataSpec, name: str) -> None:
        super().__init__(name=name)
        self.spec = spec

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with a drawn `batch_size`; all else as given."""
        batch_size = hp.Choice("batch_size", list(BATCH_SIZES), default=32)
        return model.fit(*args, batch_size=batch_size, **kwargs)
