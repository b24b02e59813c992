"""The finalists of a study, and the runs by which each is trained again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.data import MOST_BYTES, Dataset, bytes_of_folds, has_few_rows
from sweeps.errors import InputError
from sweeps.space.fingerprint import SPACE_VERSION, SpaceSource, unversioned
from sweeps.study import results
from sweeps.study import study as studies
from sweeps.study.attributes import ERROR, MODEL_URI, N_PARAMS, PARAMS, REPETITION, RUN_ID
from sweeps.study.confirmation import Finalist

#: validation rows from which on other seeds tell finalists apart; with fewer, their values are mostly the luck of the
#: rows, and folds are taken
ENOUGH_ROWS = 2000
#: folds at least: each run trains on as many rows as a trial, three quarters of the training and validation rows
FEWEST_FOLDS = 4
#: trials that are finalists, where no number is asked for
TOP = 5


@dataclass(frozen=True)
class Candidate:
    """A configuration to train again.

    Attributes:
        trial: its trial; None: the study has none.
        point: its hyperparameters as the study draws them, whatever the version of the space.
        params: the same as the model gets them.
    """

    trial: int | None
    default: bool
    point: Mapping[str, Any]
    params: Mapping[str, Any]
    search_value: float | None

    @classmethod
    def of(cls, trial: FrozenTrial, default: bool = False) -> Candidate:
        """The configuration of a COMPLETE trial."""
        params = trial.user_attrs.get(PARAMS, trial.params)
        return cls(trial.number, default, _point(trial.params), params, trial.value)

    @property
    def name(self) -> str:
        """As `Finalist.name`."""
        return "default" if self.trial is None else f"trial {self.trial}"


@dataclass(frozen=True)
class Repetitions:
    """How each finalist is trained again.

    Attributes:
        seeds: of the runs.
        split: the seed of the division into folds, of which the first so many validate.
    """

    method: Literal["seeds", "folds"]
    seeds: tuple[int, ...]
    split: int

    @classmethod
    def of(cls, count: int, seed: int, data: Dataset) -> Repetitions:
        """So many, with seeds that follow from the study's and that none of its trials has."""
        by_folds = len(data.validation) < ENOUGH_ROWS and _can_be_folded(data, max(FEWEST_FOLDS, count))
        draws = [
            int(np.random.SeedSequence([seed, number, 2]).generate_state(1)[0] >> 1) for number in range(count + 1)
        ]
        return cls("folds" if by_folds else "seeds", tuple(draws[1:]), draws[0])

    def attributes(self, space_version: int | None) -> Iterator[dict[str, Any]]:
        """What `sweeps.trial.repetition` calls a repetition, without its point, for each of them."""
        for fold, seed in enumerate(self.seeds):
            folds = {"fold": fold, "folds": max(FEWEST_FOLDS, len(self.seeds)), "split": self.split}
            rows = folds if self.method == "folds" else dict.fromkeys(folds)
            yield {"seed": seed, **rows, "space_version": space_version}


def _can_be_folded(data: Dataset, folds: int) -> bool:
    """Whether each class has a row for each fold, and the copies of the rows have room."""
    # for a person's own model rare classes go together
    lacks_rows = not data.as_given and has_few_rows(data, folds)
    return not lacks_rows and bytes_of_folds(data, folds) <= MOST_BYTES


def top_trials(study: optuna.Study, top: int | None) -> list[FrozenTrial]:
    """The best trials of a study.

    Args:
        top: how many; None: `TOP`, or as many as there are.

    Raises:
        InputError: the study has no COMPLETE trial, or fewer than asked for.
    """
    results.best(study)  # what it says of a study without a COMPLETE trial says all
    ranked = studies.objective_of(study).ranked(study.get_trials(deepcopy=False))
    if top is not None and top > len(ranked):
        raise InputError(f"--top: study {study.study_name!r} has {len(ranked)} COMPLETE trials, got {top}")
    return ranked[: top or TOP]


def candidates(
    study: optuna.Study, leaders: Sequence[FrozenTrial], default: Mapping[str, Any] | None, source: SpaceSource
) -> list[Candidate]:
    """The best trials and the default configuration: a trial, where the study has completed it.

    Args:
        default: as the study draws it; None: the space has none. One that breaks a constraint is left out.
        source: the space as it is now.
    """
    if default is None:
        return [Candidate.of(trial) for trial in leaders]
    point = _point(default)
    ranked = [
        trial
        for trial in studies.objective_of(study).ranked(study.get_trials(deepcopy=False))
        if not source.changes(study, trial.user_attrs.get(SPACE_VERSION))
    ]
    own = next((trial.number for trial in ranked if _point(trial.params) == point), None)
    found = [Candidate.of(trial, default=trial.number == own) for trial in leaders]
    if any(candidate.default for candidate in found):
        return found
    if own is not None:
        return [*found, *(Candidate.of(trial, default=True) for trial in ranked if trial.number == own)]
    trials = study.get_trials(deepcopy=False)
    if any(_point(trial.params) == point and not studies.is_feasible(trial) for trial in trials):
        return found  # it breaks a constraint, so that it is never the best
    return [*found, Candidate(None, True, point, point, None)]


def lacking(study: optuna.Study, wanted: Sequence[Candidate], repetitions: Repetitions) -> list[dict[str, Any]]:
    """The repetitions that the confirming study neither has nor is about to have, in the order in which they are to be
    trained: each finalist once, then each a second time.

    A repetition that has failed is among them: it may have been the machine.
    """
    known = [
        repetition
        for trial in study.get_trials(deepcopy=False)
        if trial.state != TrialState.FAIL and (repetition := _key(trial)) is not None
    ]
    found = []
    for attributes in repetitions.attributes(study.user_attrs.get(SPACE_VERSION)):
        for candidate in wanted:
            repetition = {**attributes, "point": dict(candidate.point)}
            if repetition not in known:
                known.append(repetition)
                found.append({**repetition, "confirms": candidate.name})
    return found


def finalists(study: optuna.Study, wanted: Sequence[Candidate], repetitions: Repetitions) -> list[Finalist]:
    """What came of the repetitions, without figures."""
    trials = study.get_trials(deepcopy=False)
    attributes = list(repetitions.attributes(study.user_attrs.get(SPACE_VERSION)))
    found = []
    for candidate in wanted:
        keys = [{**each, "point": dict(candidate.point)} for each in attributes]
        runs = [_last(trials, key) for key in keys]
        complete = [run for run in runs if run is not None and run.state == TrialState.COMPLETE]
        seconds = [run.duration.total_seconds() for run in complete if run.duration is not None]
        errors = [str(run.user_attrs.get(ERROR)) for run in runs if run is not None and run not in complete]
        found.append(
            Finalist(
                candidate.trial,
                candidate.default,
                dict(complete[0].user_attrs[PARAMS] if complete else candidate.params),
                candidate.search_value,
                values=[run.value if run in complete and run is not None else None for run in runs],
                runs=[None if run is None else run.user_attrs.get(RUN_ID) for run in runs],
                n_params=complete[0].user_attrs.get(N_PARAMS) if complete else None,
                seconds=float(np.mean(seconds)) if seconds else None,
                error=errors[0] if errors else None,
            )
        )
    return found


def best_run(study: optuna.Study, finalist: Finalist, direction: str) -> tuple[str, str]:
    """The MLflow run and the model of a finalist's best repetition."""
    sign = 1 if direction == "maximize" else -1
    run_id = max(zip(finalist.values, finalist.runs, strict=True), key=lambda one: sign * (one[0] or 0.0))[1]
    trial = next(one for one in study.get_trials(deepcopy=False) if one.user_attrs.get(RUN_ID) == run_id)
    return str(run_id), str(trial.user_attrs[MODEL_URI])


def _point(params: Mapping[str, Any]) -> dict[str, Any]:
    return {unversioned(name): value for name, value in params.items()}


def _key(trial: FrozenTrial) -> dict[str, Any] | None:
    """The repetition that a trial is, without what is only for people."""
    repetition = trial.user_attrs.get(REPETITION)
    return None if repetition is None else {name: one for name, one in repetition.items() if name != "confirms"}


def _last(trials: Sequence[FrozenTrial], key: Mapping[str, Any]) -> FrozenTrial | None:
    """The attempt at a repetition that counts: the one that is COMPLETE, else the last."""
    attempts = [trial for trial in trials if _key(trial) == key]
    complete = [trial for trial in attempts if trial.state == TrialState.COMPLETE]
    return next(iter(complete or attempts[::-1]), None)
