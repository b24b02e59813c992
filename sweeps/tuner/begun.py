"""The study of a tuner's earlier searches, and what a further search takes over from them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from sweeps.data import Dataset
from sweeps.study import study as studies
from sweeps.study.attributes import IDENTITY, TOTAL
from sweeps.study.budget import UNLIMITED
from sweeps.tuner.project import Project

logger = logging.getLogger("sweeps.tuner")


def identity(project: Project) -> dict[str, Any]:
    """What the study was begun with; empty before its first search."""
    study = project.open()
    return dict(study.user_attrs.get(IDENTITY, {})) if study is not None else {}


def total_of_study(project: Project, max_trials: int | None) -> int:
    """The total number of trials; without `max_trials` the number that a completed grid has."""
    if max_trials is not None:
        return max_trials
    study = project.open()
    return int(study.user_attrs.get(TOTAL, UNLIMITED)) if study is not None else UNLIMITED


def close_grid(project: Project) -> None:
    """The search has ended: the grid has as many trials as there are."""
    study = project.open()
    if study is not None:
        study.set_user_attr(TOTAL, len(studies.counted(study)))


def as_begun(project: Project, total: int, dataset: Dataset, epochs: int) -> tuple[Dataset, int]:
    """What KerasTuner does not compare: the data, as they were when the study was begun, and the number of epochs.

    Further trials have as many as they are searched with.
    """
    known, study = identity(project), project.open()
    if study is None or not known:
        return dataset, epochs
    is_over = studies.missing(study, total) == 0
    if dataset.digest != known["digest"]:
        then = "no trial is left to run" if is_over else "scores of different data are compared"
        logger.warning("search: study %r was begun with other data; %s", project.study, then)
    if is_over:
        epochs = int(known["epochs"])
    elif epochs != known["epochs"]:
        logger.warning(
            "search: study %r was begun with %d epochs; scores of different numbers of epochs are compared",
            *(project.study, known["epochs"]),
        )
        study.set_user_attr(IDENTITY, known | {"epochs": epochs})
    return replace(dataset, digest=known["digest"]), epochs
