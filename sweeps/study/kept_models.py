"""Which trials keep their model (`--keep-models`), and which models were removed since."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.errors import InputError
from sweeps.study import pareto, ranking
from sweeps.study.attributes import MODEL_URI, REMOVED_MODELS
from sweeps.study.budget import UNLIMITED
from sweeps.study.history import history_of
from sweeps.study.rounds import rounds_of
from sweeps.study.study import Objective, objective_of, own
from sweeps.system.commands import hint

#: a study of so many trials keeps by default the models of so many
MANY, FEW = 200, 50


def parse(text: str) -> int | None:
    """How many models `best:N` keeps; None for `all`.

    Raises:
        ValueError: it is neither.
    """
    found = re.fullmatch(r"best:([1-9]\d{0,5})", text)
    if found is None and text != "all":
        raise ValueError("all or best:N is wanted, such as best:10")
    return int(found[1]) if found else None


def most_kept(asked: str | None, total: int) -> int | None:
    """How many models a study keeps; None: all.

    Args:
        asked: as `parse` takes it; None: the default.
        total: how many trials the study is to have.
    """
    if asked is not None:
        return parse(asked)
    return FEW if MANY <= total < UNLIMITED else None


def said(most: int | None) -> str:
    """What a person is told at the beginning of a study; "" if all models are kept."""
    if most is None:
        return ""
    which = "that of the best trial is" if most == 1 else f"those of the best {most} trials are"
    return f"{which} kept; --keep-models all keeps all of them"


def is_kept(study: optuna.Study, objective: Objective, number: int, value: float | None, most: int | None) -> bool:
    """Whether a trial that has come to this value is among the best, so that its model is worth keeping.

    Args:
        number: the trial's; of equal values the lower one is the better.
        most: how many keep theirs; None: all.
    """
    if most is None or objective.others:  # whether it is on the Pareto front is known once it has ended
        return True
    ranked = ranking.ranked(study, objective)
    if len(ranked) < most or value is None:
        return len(ranked) < most
    last = ranked[most - 1]
    return objective.better(value, last.value) or (value == last.value and number < last.number)


def beyond(study: optuna.Study, most: int, protected: Collection[str] = ()) -> list[FrozenTrial]:
    """The trials that have a model and are neither among the best nor on the Pareto front, by number; without those
    that train another one on.

    Args:
        most: how many are the best.
        protected: see `confirmation.protected_models`.
    """
    objective, trials = objective_of(study), history_of(study).index(_Logged).trials
    best = {trial.number for trial in ranking.ranked(study, objective)[:most]}
    if objective.others:
        best |= {trial.number for trial in pareto.front(study)}
    best |= _of(trials, protected)
    left = [trial for trial in having_models(study, trials) if trial.number not in best]
    return sorted(left, key=lambda trial: trial.number)


class _Logged:
    """The COMPLETE trials whose model was kept, whether or not it was removed since."""

    def __init__(self) -> None:
        self.trials: list[FrozenTrial] = []

    def add(self, trial: FrozenTrial) -> None:
        if trial.state == TrialState.COMPLETE and trial.user_attrs.get(MODEL_URI) and own([trial]):
            self.trials.append(trial)


def having_models(study: optuna.Study, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """Those whose model was kept, and not removed since."""
    gone = removed(study)
    return [trial for trial in trials if trial.user_attrs.get(MODEL_URI) and trial.number not in gone]


def removed(study: optuna.Study) -> set[int]:
    """The numbers of the trials whose models were removed."""
    return {number for part in _parts(study) for number in range(part[0], part[-1] + 1)}


def mark_removed(study: optuna.Study, numbers: Collection[int]) -> None:
    """Note that the models of these trials are removed, before they are: what is noted and still there is removed by
    whoever comes next. Only for who is the only one to do so (see `claims.turn`, `locks.exclusive_if_free`)."""
    known = removed(study)
    if not known >= set(numbers):
        study.set_user_attr(REMOVED_MODELS, _as_text(known | set(numbers)))


def check_kept(study: optuna.Study, trial: FrozenTrial) -> None:
    """Raises: InputError: the model of a COMPLETE trial was removed, or was not kept."""
    if trial.state == TrialState.COMPLETE and not having_models(study, [trial]):
        again = hint("continue", study.study_name, "--trial", str(trial.number), "--epochs", "+1")
        # a trial of several rounds is not continued
        how = "" if len(rounds_of(study)) > 1 else f"\nOne more epoch brings one: {again}"
        raise InputError(
            f"the model of trial {trial.number} of study {study.study_name!r} was not kept, or removed "
            f"(--keep-models, sweeps clean){how}"
        )


def _of(trials: Iterable[FrozenTrial], uris: Collection[str]) -> set[int]:
    return {trial.number for trial in trials if trial.user_attrs.get(MODEL_URI) in uris}


def _parts(study: optuna.Study) -> list[list[int]]:
    """`0-3,7` as [[0, 3], [7]]; a text, since the study's attributes are copied whenever they are read."""
    text = str(study.user_attrs.get(REMOVED_MODELS, ""))
    return [[int(end) for end in part.split("-")] for part in text.split(",") if part]


def _as_text(numbers: Iterable[int]) -> str:
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)
