"""What a person adds to the `fit` of every trial, whatever the space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeps.data import Dataset, with_columns
from sweeps.data.class_weights import row_weights


@dataclass(frozen=True)
class Fitting:
    """The options of `sweeps run` that a trial's training follows.

    Attributes:
        class_weight: `balanced`, or weights by class.
        metrics: names of Keras metrics, for the registered spaces.
        callbacks: `module:function` or `path/to/file.py:function`, each called once a trial.
        patience: epochs without a better objective after which a trial is over; None: it has all its epochs.
    """

    class_weight: str | Mapping[str, float] | None = None
    metrics: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    patience: int | None = None

    def target_of(self, data: Dataset) -> Dataset:
        """The data as the metrics want its target."""
        return with_columns(data) if self.metrics and not data.as_given else data

    def data_arguments(self, data: Dataset, rows: int | None = None) -> dict[str, Any]:
        """`validation_data` and, where rows weigh differently, `sample_weight` of `model.fit`.

        Args:
            rows: only the first so many of each part; None: all.

        Raises:
            InputError: see `sweeps.data.class_weights`.
        """
        train, validation = (part.map(lambda column: column[:rows]) for part in (data.train, data.validation))
        given = (validation.x, validation.y, validation.sample_weight)
        arguments: dict[str, Any] = {"validation_data": given if given[2] is not None else given[:2]}
        weights = train.sample_weight
        if self.class_weight is not None:
            asked = self.class_weight
            weights = row_weights(asked if isinstance(asked, str) else tuple(asked.items()), data)[:rows]
        return arguments if weights is None else {**arguments, "sample_weight": weights}
