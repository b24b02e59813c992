"""The smallest model that is good enough: the one with the fewest parameters within a margin of the best."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import optuna

from sweeps.errors import InputError
from sweeps.study import results
from sweeps.study.attributes import N_PARAMS
from sweeps.study.leaderboard import number
from sweeps.study.results import Best
from sweeps.study.study import Objective, objective_of


@dataclass(frozen=True)
class Margin:
    """How much worse than the best value another one may be.

    Attributes:
        text: as it was given.
        amount: at least 0.
        relative: it is a share of the best value, not a difference to it.
    """

    text: str
    amount: float
    relative: bool

    def allows(self, value: float, best: float, objective: Objective) -> bool:
        """Whether a value is at most so much worse than the best one."""
        most = self.amount * abs(best) if self.relative else self.amount
        worse = best - value if objective.direction == "maximize" else value - best
        return worse <= most or math.isclose(worse, most, rel_tol=1e-9)  # 0.91 is 0.01 worse than 0.92


def parse_margin(text: str) -> Margin:
    """`0.5%` of the best value, or `0.005` of the objective's own unit.

    Raises:
        InputError: it is neither.
    """
    share = text.strip().endswith("%")
    try:
        amount = float(text.strip().removesuffix("%"))
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise InputError(f"--within: how much worse a model may be is wanted, as 0.5% or 0.005, got {text!r}")
    return Margin(text.strip(), amount / 100 if share else amount, share)


def best_within(study: optuna.Study, margin: Margin) -> Best:
    """The trial with the fewest parameters among those whose value in the search is at most so much worse than the best
    one; of equally many the better one.

    Its `within` holds the margin, the best trial with its value and its parameters, and of how many trials it was
    chosen.

    Raises:
        InputError: no trial is COMPLETE, or none says how many parameters its model has.
    """
    winner, objective = results.best(study), objective_of(study)
    ranked = objective.ranked(study.get_trials(deepcopy=False))
    leader = ranked[0]
    near = [
        trial
        for trial in ranked
        if N_PARAMS in trial.user_attrs and margin.allows(trial.value or 0.0, leader.value or 0.0, objective)
    ]
    if not near:
        raise InputError(
            f"--within: no trial of {study.study_name!r} that is near enough to the best says how many parameters its "
            "model has"
        )
    chosen = min(near, key=lambda trial: int(trial.user_attrs[N_PARAMS]))
    found = winner if winner.trial == chosen.number else results.best_of(study, chosen)
    about = {"trial": leader.number, "value": leader.value, "n_params": leader.user_attrs.get(N_PARAMS)}
    return replace(found, within={"margin": margin.text, "trials": len(near), "best": about})


def sentence(found: Best) -> str:
    """What a model was chosen by, in a line; empty where nothing but its value was asked for."""
    if found.within is None:
        return ""
    margin, best = found.within["margin"], found.within["best"]
    if best["trial"] == found.trial:
        return f"no smaller model is at most {margin} worse"
    size = "" if best["n_params"] is None else f" with {best['n_params']:,} parameters"
    return (
        f"the smallest of {found.within['trials']} models that are at most {margin} worse than the best, "
        f"{number(best['value'])} of trial {best['trial']}{size}"
    )
