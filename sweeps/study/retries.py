"""Attempts at a trial: what a dead worker or an interruption has cut short is taken up by a further one.

Each attempt is a trial of the study, and so a run in MLflow. A retry has the same hyperparameters, and points at the
attempt before it; all attempts share the seed and the checkpoint of the first. So does a trial that trains another one
on, but for the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeps.errors import InputError
from sweeps.space.fingerprint import SPACE_VERSION
from sweeps.study.attributes import AFTER, CONTINUES, CUT_SHORT, DEATH, EPOCHS, REPETITION, RETRY_OF, TUNER_TRIAL
from sweeps.study.history import attributes_of, history_of
from sweeps.system.commands import hint

#: how often a trial's worker may die before the trial is given up
DEATHS = 3


class LateResult(Exception):
    """A trial was given up by the sweep before it ended."""


class _Attempts:
    """Of the finished attempts, those that were cut short and are not followed by a finished one, and who follows whom.

    Attributes:
        cut_short: by number.
        followers: the numbers of the attempts after one, by its number.
    """

    def __init__(self) -> None:
        self.cut_short: dict[int, FrozenTrial] = {}
        self.followers: dict[int, list[int]] = {}

    def add(self, trial: FrozenTrial) -> None:
        if (former := trial.user_attrs.get(RETRY_OF)) is not None:
            self.followers.setdefault(former, []).append(trial.number)
            self.cut_short.pop(former, None)
        if trial.state == TrialState.FAIL and CUT_SHORT in trial.user_attrs and trial.number not in self.followers:
            self.cut_short[trial.number] = trial


def lineage(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> list[FrozenTrial]:
    """All attempts up to this one, the first one first.

    Args:
        trials: all of the study, by number.
    """
    attempts = [trial]
    while (former := attempts[-1].user_attrs.get(RETRY_OF)) is not None:
        attempts.append(trials[former])
    return attempts[::-1]


def by_trial(trials: Iterable[FrozenTrial]) -> list[list[FrozenTrial]]:
    """The attempts at each trial, in the order of their first ones.

    Args:
        trials: all of the study, by number.
    """
    groups: dict[int, list[FrozenTrial]] = {}
    for trial in trials:
        former = trial.user_attrs.get(RETRY_OF)
        groups[trial.number] = [] if former is None else groups[former]
        groups[trial.number].append(trial)
    return [attempts for number, attempts in groups.items() if attempts[0].number == number]


def place(trials: Iterable[FrozenTrial], number: int) -> int:
    """Which trial, from 0, an attempt is at.

    Args:
        trials: all of the study, by number.
    """
    groups = by_trial(trials)
    return next(place for place, attempts in enumerate(groups) if number in [each.number for each in attempts])


def given_up(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The failed trials that no attempt follows or is to follow: they failed by themselves, or of too many deaths.

    Args:
        trials: all of the study, by number.
    """
    last = [attempts for attempts in by_trial(trials) if attempts[-1].state == TrialState.FAIL]
    return [
        attempts[-1]
        for attempts in last
        if CUT_SHORT not in attempts[-1].user_attrs
        or sum(each.user_attrs.get(CUT_SHORT) == DEATH for each in attempts) >= DEATHS
    ]


def origin(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> FrozenTrial:
    """The trial whose seed this one has: the first attempt at it, or at the one that it trains on."""
    while (former := trial.user_attrs.get(RETRY_OF, trial.user_attrs.get(CONTINUES))) is not None:
        trial = trials[former]
    return trial


def deaths(trials: Sequence[FrozenTrial], trial: FrozenTrial) -> int:
    """How often a worker has died of this trial."""
    return sum(attempt.user_attrs.get(CUT_SHORT) == DEATH for attempt in lineage(trials, trial))


def retry(study: optuna.Study, number: int) -> int:
    """Let a trial that was cut short be tried again by the next worker that asks; the retry's number."""
    trial = study.get_trials(deepcopy=False)[number]
    # what was enqueued for it and not asked for yet is part of it, too
    params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
    lasting = (CONTINUES, EPOCHS, AFTER, TUNER_TRIAL, REPETITION)
    kept = {name: trial.user_attrs[name] for name in lasting if name in trial.user_attrs}
    return enqueue(study, params, kept | {RETRY_OF: number})


def again(study: optuna.Study, number: int, most: int) -> bool:
    """Let a failed trial be tried again, unless that was done `most` times; whether it is.

    Args:
        number: negative where there was no trial.
    """
    if number < 0 or most == 0:
        return False
    trials = study.get_trials(deepcopy=False)
    if len(lineage(trials, trials[number])) > most:
        return False
    retry(study, number)
    return True


def enqueue(study: optuna.Study, params: Mapping[str, Any], attributes: Mapping[str, Any]) -> int:
    """As `study.enqueue_trial`, which does not say what number it has given."""
    fixed = {"fixed_params": dict(params)}
    trial = create_trial(state=TrialState.WAITING, system_attrs=fixed, user_attrs=dict(attributes))
    trial_id = study._storage.create_new_trial(study._study_id, template_trial=trial)
    return study._storage.get_trial_number_from_id(trial_id)


def take(study: optuna.Study, number: int) -> optuna.Trial:
    """The waiting trial of that number, now running, as `study.ask` does it with the first that waits.

    Raises:
        InputError: it does not wait.
    """
    trial = study.get_trials(deepcopy=False)[number]
    if trial.state == TrialState.WAITING and study._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING):
        return optuna.Trial(study, trial._trial_id)
    raise InputError(f"trial {number} is run by another sweep; see: {hint('list', study.study_name)}")


def followers(study: optuna.Study, number: int) -> list[int]:
    """The numbers of the retries of an attempt: none, or one."""
    history = history_of(study)
    open_ = [trial.number for trial in history.open if trial.user_attrs.get(RETRY_OF) == number]
    return sorted([*history.index(_Attempts).followers.get(number, ()), *open_])


def unfinished(study: optuna.Study) -> list[FrozenTrial]:
    """The attempts that were cut short and are to be followed by another that does not exist yet; those of another
    version of the space cannot be."""
    history = history_of(study)
    cut_short, followed = history.index(_Attempts).cut_short, {trial.user_attrs.get(RETRY_OF) for trial in history.open}
    if not cut_short:
        return []
    version = attributes_of(study).get(SPACE_VERSION, 1)
    return [
        trial
        for number, trial in sorted(cut_short.items())
        if trial.user_attrs.get(SPACE_VERSION, 1) == version
        and number not in followed
        and deaths(history.trials, trial) < DEATHS
    ]


def held(study: optuna.Study) -> set[int]:
    """The numbers of the first attempts of all trials whose checkpoint is wanted or may be soon."""
    trials = study.get_trials(deepcopy=False)
    open_ = [trial for trial in trials if not trial.state.is_finished()]
    return {lineage(trials, trial)[0].number for trial in (*open_, *unfinished(study))}


def checkpoints_left(study: optuna.Study, folder: Path) -> list[Path]:
    """What lies in the folder of checkpoints though all trials of the study's total are there.

    What trains a trial on is no part of the total, and goes on when it is asked for again.
    """
    trials = study.get_trials(deepcopy=False)
    wanted = {f"{number}.checkpoint" for number in held(study) if CONTINUES in trials[number].user_attrs}
    return sorted(path for path in folder.glob("*") if path.name not in wanted)
