"""The test rows, which are looked at once, and only for the winner: each look is counted in the study."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import optuna

from sweeps.data import Dataset
from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.attributes import PREPARED, TEST, TEST_LOOKS
from sweeps.study.confirmation import Confirmation

if TYPE_CHECKING:
    from sweeps.space.reference import Space

NO_ROWS = "the study keeps no test rows"
_PREPARED = "the space's fit prepares the data itself, so that its model does not take the test rows as they are"


def check_unseen(study: optuna.Study, again: bool) -> None:
    """Raises: InputError: the test rows were looked at before, and are not to be `again`."""
    looks = study.user_attrs.get(TEST_LOOKS, [])
    if looks and not again:
        times = "once" if len(looks) == 1 else f"{len(looks)} times"
        raise InputError(
            f"the test rows of study {study.study_name!r} were looked at {times}, last for {looks[-1]['of']} at "
            f"{looks[-1]['time']}\n--again (again=True) looks once more, and counts it; figures mean less each time"
        )


def with_test(
    study: optuna.Study, found: Confirmation, space: str | Space | None, data: Dataset | None, again: bool
) -> Confirmation:
    """The confirmation with what its winner's model reaches on the test rows, or the note why it has not been asked."""
    if found.test is not None and not again:
        return found
    known = study.user_attrs.get(TEST)
    if known is not None and known["model_uri"] == found.model_uri and not again:
        return replace(found, test=known)
    if not found.rows["test"]:
        return replace(found, test_note=NO_ROWS)
    if _is_prepared(study, found.run_id):
        return replace(found, test_note=_PREPARED)
    load = partial(_load, study, found.model_uri, space)
    return replace(found, test=look(study, found.best.name, found.model_uri, {"": load}, data)[""])


def evaluate(
    study: optuna.Study, space: str | Space | None = None, data: Dataset | None = None, again: bool = False
) -> dict[str, Any]:
    """Look at the study's best model on the test rows: see `sweeps.confirm.figures`.

    Args:
        space, data: those of the study, where a Python program gave them.

    Raises:
        InputError: they were looked at before, there are none, or the model does not take them.
    """
    if _is_finished(study):
        check_unseen(study, again)
    best = results.best(study)
    if _is_prepared(study, best.run_id):
        raise InputError(f"test rows: {_PREPARED}")
    return look(study, best.name, best.model_uri, {"": partial(_load, study, best.model_uri, space)}, data)[""]


def look(
    study: optuna.Study, name: str, key: str, models: Mapping[str, Callable[[], Any]], data: Dataset | None = None
) -> dict[str, dict[str, Any]]:
    """Count, then look: one that was cut short and is taken up again for the same model counts once.

    Args:
        name: of what is looked at.
        key: identifies it: the URI of its model.
        models: what loads each model; the study remembers the figures of the first.

    Returns:
        The figures of each, with how many looks there were.

    Raises:
        InputError: see `evaluate`.
    """
    from sweeps.engine.test_rows import held_out

    rows = held_out(study, data)
    if rows is None:
        raise InputError(f"test rows: {NO_ROWS}")
    looks = list(study.user_attrs.get(TEST_LOOKS, []))
    if _is_finished(study) or looks[-1]["model_uri"] != key:
        now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        study.set_user_attr(TEST_LOOKS, looks := [*looks, {"of": name, "model_uri": key, "time": now}])
    from sweeps.confirm.figures import figures

    counted = {"looks": len(looks), **looks[-1]}
    found = {each: counted | figures(load(), rows, study.user_attrs) for each, load in models.items()}
    study.set_user_attr(TEST, next(iter(found.values())))
    return found


def _load(study: optuna.Study, model_uri: str, space: str | Space | None) -> Any:
    from sweeps.system.import_keras import import_keras

    import_keras()  # before MLflow imports it, which would print TensorFlow's messages
    from sweeps.export.logged_models import load_logged

    return load_logged(study.study_name, model_uri, space)


def _is_finished(study: optuna.Study) -> bool:
    """Whether the last look has brought its figures, or there was none."""
    known: Mapping[str, Any] = study.user_attrs.get(TEST) or {"looks": 0}
    return bool(known["looks"] == len(study.user_attrs.get(TEST_LOOKS, [])))


def _is_prepared(study: optuna.Study, run_id: str) -> bool:
    """Whether the model of a run takes other rows than the data's."""
    trial = results.trial_of(study, run_id)
    return trial is not None and PREPARED in trial.user_attrs
