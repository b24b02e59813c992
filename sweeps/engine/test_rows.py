"""The test rows of a study, which none of its trials has seen, and its validation rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna

from sweeps.config import SweepConfig
from sweeps.data import Dataset, Part, load
from sweeps.engine.sweep import source_of
from sweeps.errors import InputError
from sweeps.study.attributes import CONFIG, DATA, GIVEN, IDENTITY


def held_out(study: optuna.Study, data: Dataset | None) -> tuple[Any, ...] | None:
    """`(x, y)` or `(x, y, sample_weight)` with the target as the study's models take it; None where no rows were kept.

    Args:
        data: what the study was run with, if it is in memory; None: what the study names is loaded.

    Raises:
        InputError: a program gave the data, which are gone with it; or they are other data now.
    """
    return _rows(data_of(study, data).test)


def validation(study: optuna.Study) -> tuple[Any, ...]:
    """The validation rows of a study as `held_out` gives the test rows.

    Raises:
        InputError: a program gave the data, or they are other data now.
    """
    found = _rows(data_of(study).validation)
    assert found is not None
    return found


def data_of(study: optuna.Study, data: Dataset | None = None) -> Dataset:
    """The data of a study with the target as its models take it; see `held_out`."""
    name, given = study.study_name, study.user_attrs.get(GIVEN, ())
    if data is None and "data" in given:
        raise InputError(
            f"study {name!r} had its data from a Python program and keeps no copy of them: the result of sweeps.run "
            "with the same arguments has test_data (trials that are there are not run again)"
        )
    if data is None:
        source = source_of(SweepConfig(**study.user_attrs[CONFIG]))
        data = load(replace(source, as_given=source.as_given or "space" in given))
    if data.digest != study.user_attrs[IDENTITY]["digest"]:
        raise InputError(f"dataset {data.name!r} is not what study {name!r} was begun with")
    return data.in_form(study.user_attrs[DATA].get("form", "given"))


def _rows(part: Part | None) -> tuple[Any, ...] | None:
    if part is None:
        return None
    return (part.x, part.y) if part.sample_weight is None else (part.x, part.y, part.sample_weight)
