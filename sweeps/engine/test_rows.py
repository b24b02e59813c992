"""The test rows of a study, which none of its trials has seen, and its validation rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import optuna

from sweeps.config import SweepConfig
from sweeps.data import Dataset, Part, load
from sweeps.engine.sweep import source_of
from sweeps.errors import InputError
from sweeps.export.inputs import ROWS, StudyRows
from sweeps.study import results
from sweeps.study.attributes import CONFIG, DATA, GIVEN, IDENTITY, REPETITION
from sweeps.study.rounds import rounds_of
from sweeps.trial.repetition import rows_of


def held_out(study: optuna.Study, data: Dataset | None) -> tuple[Any, ...] | None:
    """`(x, y)` or `(x, y, sample_weight)` with the target as the study's models take it; None where no rows were kept.

    Args:
        data: what the study was run with, if it is in memory; None: what the study names is loaded.

    Raises:
        InputError: a program gave the data, which are gone with it; or they are other data now.
    """
    return _rows(data_of(study, data).test)


def validation_of(study: optuna.Study, run_id: str, data: Dataset | None = None) -> tuple[Any, ...]:
    """The rows that validated the model of a trial, as `held_out` gives the test rows.

    Of a trial with several rounds it is the last one's model that is kept; a repetition of a confirmation has rows of
    its own, and may have been trained with those of the search.

    Args:
        run_id: of the trial, which may be one of the confirmation.
        data: see `held_out`.

    Raises:
        InputError: see `held_out`.
    """
    loaded, trial = _loaded(study, data), results.trial_of(study, run_id)
    if trial is not None and REPETITION in trial.user_attrs:
        part = rows_of(trial.user_attrs, loaded)
    else:
        rounds = rounds_of(study)
        part = rounds.data(loaded, len(rounds) - 1, study.user_attrs[IDENTITY]["seed"])
    found = _rows(_in_form(study, part).validation)
    assert found is not None
    return found


def sample(study: optuna.Study, data: Dataset | None = None) -> StudyRows:
    """Raw rows on which an exported model is tried, of the validation rows first.

    Raises:
        InputError: see `held_out`.
    """
    found = _loaded(study, data)
    some = [{name: array[:ROWS] for name, array in part.columns.items()} for part in (found.validation, found.train)]
    columns = {name: np.concatenate([one[name] for one in some])[:ROWS] for name in some[0]}
    parts = {"train": found.train, "validation": found.validation, "test": found.test}
    return StudyRows(columns, {name: len(part) for name, part in parts.items() if part is not None})


def data_of(study: optuna.Study, data: Dataset | None = None) -> Dataset:
    """The data of a study with the target as its models take it; see `held_out`."""
    return _in_form(study, _loaded(study, data))


def _loaded(study: optuna.Study, data: Dataset | None) -> Dataset:
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
    return data


def _in_form(study: optuna.Study, data: Dataset) -> Dataset:
    return data.in_form(study.user_attrs[DATA].get("form", "given"))


def _rows(part: Part | None) -> tuple[Any, ...] | None:
    if part is None:
        return None
    return (part.x, part.y) if part.sample_weight is None else (part.x, part.y, part.sample_weight)
