"""A trial of the study that confirms another one: a finalist's hyperparameters with another seed, or on other rows.

Its attribute `REPETITION` is a dictionary: "seed", of weights and shuffles; "fold", "folds" and "split", the index of
the fold, their number and the seed of the division, all None where the rows are those of the study; "confirms", the
finalist, for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeps.data import Dataset, folds
from sweeps.study.attributes import REPETITION
from sweeps.study.study import trial_seed


def seed_of(attributes: Mapping[str, Any], seed: int, origin: int) -> int:
    """The seed of everything random in a trial.

    Args:
        attributes: the trial's.
        seed: the study's.
        origin: the number of the trial whose seed this one has.
    """
    repeats = _repetition(attributes)
    return int(repeats["seed"]) if repeats else trial_seed(seed, origin)


def rows_of(attributes: Mapping[str, Any], data: Dataset) -> Dataset:
    """The rows that a trial trains and validates with."""
    repeats = _repetition(attributes)
    if not repeats or repeats["fold"] is None:
        return data
    return folds(data, repeats["folds"], repeats["split"])[int(repeats["fold"])]


def tags_of(attributes: Mapping[str, Any]) -> dict[str, str]:
    """What its MLflow run says of it beside the seed."""
    repeats = _repetition(attributes) or {}
    told = {name: repeats.get(name) for name in ("confirms", "fold", "folds")}
    return {name: str(value) for name, value in told.items() if value is not None}


def _repetition(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    repetition: dict[str, Any] | None = attributes.get(REPETITION)
    return repetition
