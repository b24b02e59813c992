"""Studies that nobody has searched, for what only reads one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from sweeps.study import attributes

SPACE: Mapping[str, BaseDistribution] = {
    "n_hidden": IntDistribution(1, 8),
    "activation": CategoricalDistribution(["relu", "tanh", "gelu"]),
    "optimizer": CategoricalDistribution(["adam", "sgd"]),
    "learning_rate": FloatDistribution(3e-4, 3e-2, log=True),
}
BEGAN = datetime(2026, 11, 20, 9)


def synthetic_study(
    trials: int,
    metric: str = "val_accuracy",
    direction: str = "maximize",
    pruned: float = 0.4,
    failed: float = 0.02,
    slots: int = 4,
    name: str = "synthetic",
    others: Mapping[str, str] = {},
) -> optuna.Study:
    """A study in memory: its learning rate decides most, `sgd` has a momentum that `adam` has not.

    Args:
        pruned, failed: how many of the trials, from 0 to 1.
        slots: how many trials run at once.
        others: directions of objectives beside the first; each trial that is COMPLETE has one more value of each.
    """
    study = optuna.create_study(study_name=name, direction=direction)
    identity = {"space": "mlp", "dataset": "digits", "digest": "ab12" * 8, "objective": metric, "direction": direction}
    study.set_user_attr(attributes.IDENTITY, identity | {"epochs": 10, "seed": 0, "set": []})
    if others:
        options = {"objectives": dict(others)}
        study.set_user_attr(attributes.IDENTITY, study.user_attrs[attributes.IDENTITY] | {"options": options})
    study.set_user_attr(attributes.TOTAL, trials)
    study.set_user_attr(attributes.CONFIG, {"study": name, "trials": trials, "jobs": slots})
    study.set_user_attr(attributes.DATA, {"target": "sparse", "task": "10 classes", "labels": None})
    generator, free = np.random.default_rng(0), [BEGAN] * slots
    for number in range(trials):
        share = generator.random()
        state = (
            TrialState.FAIL if share < failed else TrialState.PRUNED if share < failed + pruned else TrialState.COMPLETE
        )
        slot = free.index(min(free))
        trial = _trial(generator, state, direction)
        if others and state == TrialState.COMPLETE:
            costs = {other: float(trial.params["n_hidden"] ** (2 + at)) for at, other in enumerate(others)}
            trial.set_user_attr(attributes.FIGURES, costs)
        trial.datetime_start = free[slot] + timedelta(seconds=0.05)
        trial.datetime_complete = trial.datetime_start + timedelta(seconds=float(generator.uniform(2, 9)))
        free[slot] = trial.datetime_complete
        if number == trials // 2:  # the sweep was resumed the day after
            free = [max(free) + timedelta(hours=9)] * slots
        study.add_trial(trial)
    return study


def _trial(generator: np.random.Generator, state: TrialState, direction: str) -> FrozenTrial:
    space = dict(SPACE)
    params: dict[str, Any] = {
        "n_hidden": int(generator.integers(1, 9)),
        "activation": str(generator.choice(["relu", "tanh", "gelu"])),
        "optimizer": str(generator.choice(["adam", "sgd"])),
        "learning_rate": float(10 ** generator.uniform(-3.5, -1.53)),
    }
    if params["optimizer"] == "sgd":
        space["momentum"] = FloatDistribution(0, 0.99)
        params["momentum"] = float(generator.uniform(0, 0.99))
    good = 0.9 - 0.1 * abs(math.log10(params["learning_rate"]) + 2.5) + generator.normal(0, 0.005)
    epochs = 10 if state == TrialState.COMPLETE else int(generator.integers(3, 9))
    values = {epoch: float(good - 0.5 * math.exp(-epoch / 2)) for epoch in range(1, epochs + 1)}
    if direction == "minimize":
        values = {epoch: 1e5 * (1 - value) for epoch, value in values.items()}
    attrs: dict[str, Any] = {attributes.PARAMS: params, attributes.RUN_ID: "0" * 32}
    if state == TrialState.COMPLETE:
        attrs |= {attributes.EPOCH: epochs, attributes.MODEL_URI: ""}
    if state == TrialState.FAIL:
        attrs[attributes.ERROR] = "ValueError: loss is nan in epoch 3"
    return optuna.trial.create_trial(
        state=state,
        params=params,
        distributions=space,
        intermediate_values={} if state == TrialState.FAIL else values,
        user_attrs=attrs,
        value=values[epochs] if state == TrialState.COMPLETE else None,
    )
