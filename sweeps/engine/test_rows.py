"""The test rows of a study, which none of its trials has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna

from sweeps.config import SweepConfig
from sweeps.data import Dataset, load
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
        raise InputError(f"test_data: dataset {data.name!r} is not what study {name!r} was begun with")
    test = data.in_form(study.user_attrs[DATA].get("form", "given")).test
    if test is None:
        return None
    return (test.x, test.y) if test.sample_weight is None else (test.x, test.y, test.sample_weight)
