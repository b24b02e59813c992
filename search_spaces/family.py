"""The base of the registered spaces, which draws the batch size and the learning rate schedule in `fit`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from typing import Any, ClassVar

import keras
import keras_tuner

from search_spaces import hidden, optimizers
from search_spaces.data_spec import DataSpec
from search_spaces.schedules import schedule

BATCH_SIZES = (16, 32, 64, 128, 256)


class Family(keras_tuner.HyperModel):  # type: ignore[misc]
    """Base of the registered spaces; a family adds `build`.

    Args:
        spec: the description of the data.
        name: of the space and of its models; by default `default_name`.

    Attributes:
        default_name: the name of the space in the registry.
        kept: hyperparameter -> the values that a search has unless `--set` names it, in the words of `--set`. What they
            leave out is there for those who ask for it: a search is short, and a dimension costs it trials.
    """

    default_name: ClassVar[str]
    kept: ClassVar[Mapping[str, str]] = {
        **hidden.KEPT,
        **optimizers.KEPT,
        "batch_size": "32,64,128,256",
        "schedule": "cosine",
    }

    def __init__(self, spec: DataSpec, name: str | None = None) -> None:
        super().__init__(name=name or self.default_name)
        self.spec = spec

    @cached_property
    def portfolio(self) -> Sequence[Mapping[str, Any]]:
        """Configurations one of which is good on most data sets, the best first, as `make bench-trainings` finds them.

        Empty for a family for which nothing was measured.
        """
        return []

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """`model.fit` with the hyperparameters `batch_size` and `schedule`; other arguments are passed on."""
        return model.fit(*args, **self.fit_arguments(hp, kwargs))

    def fit_arguments(self, hp: keras_tuner.HyperParameters, given: Mapping[str, Any]) -> dict[str, Any]:
        """Draw `batch_size` and `schedule`; the keyword arguments of `model.fit` with them."""
        batch_size = hp.Choice("batch_size", list(BATCH_SIZES), default=32)
        validated = given.get("validation_data") is not None or bool(given.get("validation_split"))
        # before other callbacks, so that these see the epoch's rate in its logs, and the next one in the optimizer
        callbacks = [*schedule(hp, given.get("epochs", 1), validated), *(given.get("callbacks") or ())]
        return {**given, "batch_size": batch_size, "callbacks": callbacks}


def portfolio_of(name: str) -> Sequence[Mapping[str, Any]]:
    """The configurations in `portfolios/NAME.json`."""
    file = files("search_spaces") / "portfolios" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))["configurations"]  # type: ignore[no-any-return]
