"""The study's TPE draws what Optuna's draws, and sees a part of a large study."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_weights
from optuna.trial import TrialState, create_trial

from sweeps.study import tpe
from sweeps.study.densities import _mass, log_density
from sweeps.study.multi_objective import MultiObjectiveSampler
from sweeps.study.samplers import make_pruner
from sweeps.study.tpe import BEST, TPE

Made = Callable[..., BaseSampler]
GROUPS = {"multivariate": True, "group": True}


def space(trial: optuna.Trial) -> list[Any]:
    """Every kind of hyperparameter, conditional ones among them."""
    drawn = [trial.suggest_float("rate", 1e-5, 0.1, log=True), trial.suggest_int("one", 3, 3)]
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    drawn += [
        trial.suggest_int(f"units_{layer}", 16, 512, step=16) for layer in range(trial.suggest_int("layers", 1, 3))
    ]
    if kind == "b":
        drawn.append(trial.suggest_float("momentum", 0, 0.99))
    return [*drawn, kind, trial.suggest_int("batch", 16, 512, log=True), trial.suggest_float("drop", 0, 0.5, step=0.1)]


def search(made: Made, seed: int, trials: int, pruner: str = "none", direction: str = "maximize") -> list[Any]:
    """What is drawn while several trials run at a time and end in all ways."""
    study = optuna.create_study(direction=direction, pruner=make_pruner(pruner, 9))
    chance, drawn, running = random.Random(seed), [], list[optuna.Trial]()
    for number in range(trials):
        study.sampler = made(seed=1000 * seed + number, n_startup_trials=8)
        trial = study.ask()
        drawn.append(space(trial))
        running.append(trial)
        if len(running) <= chance.randint(0, 3):
            continue
        trial = running.pop(chance.randrange(len(running)))
        for epoch in range(1, chance.randint(2, 5)):
            trial.report(round(chance.random(), 1), epoch)
        if chance.random() < 0.2:
            trial.set_constraint("size", chance.random() - 0.5)
        state = chance.choice([TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
        value = round(trial.params["drop"] - abs(np.log10(trial.params["rate"]) + 3), 1)
        study.tell(trial, value if state == TrialState.COMPLETE else None, state)
    return drawn


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    ("options", "pruner", "direction"),
    [({}, "none", "maximize"), ({}, "hyperband", "minimize"), (GROUPS, "none", "minimize")],
)
def test_up_to_its_limit_it_draws_what_optunas_draws_to_the_last_bit(
    options: dict[str, Any], pruner: str, direction: str
) -> None:
    for seed in (1, 2):
        drawn = [
            search(lambda made=made, **given: made(**given, **options), seed, 90, pruner, direction)
            for made in (TPE, TPESampler)
        ]
        assert drawn[0] == drawn[1]


def test_with_several_objectives_it_draws_what_optunas_draws() -> None:
    drawn = [
        search(lambda made=made, **given: MultiObjectiveSampler(made(**given), {"n_params": "minimize"}), 3, 60)
        for made in (TPE, TPESampler)
    ]
    assert drawn[0] == drawn[1]


def test_candidates_that_are_almost_alike_are_compared_as_optuna_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tpe, "_MARGIN", 1e9)
    assert search(TPE, 4, 40) == search(TPESampler, 4, 40)


def test_candidates_that_differ_are_compared_by_its_own_densities(monkeypatch: pytest.MonkeyPatch) -> None:
    def optunas(*given: object) -> None:
        raise AssertionError("Optuna's densities are not needed")

    monkeypatch.setattr(TPESampler, "_compute_acquisition_func", optunas)
    search(TPE, 5, 30)


def test_its_densities_are_optunas() -> None:
    chance = np.random.default_rng(0)
    kinds = {
        "rate": FloatDistribution(1e-5, 0.1, log=True),
        "units": IntDistribution(16, 512, step=16),
        "batch": IntDistribution(16, 512, log=True),
        "drop": FloatDistribution(0, 0.5, step=0.1),
        "wide": FloatDistribution(-1e3, 1e3),
        "kind": CategoricalDistribution([1, 2, 3]),
    }
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [study.ask(kinds) for _ in range(300)]
    values = {
        name: np.array([kind.to_internal_repr(trial.params[name]) for trial in drawn]) for name, kind in kinds.items()
    }
    parameters = _ParzenEstimatorParameters(1.0, True, False, default_weights, True)
    estimator = _ParzenEstimator(values, kinds, parameters)
    candidates = {name: chance.permutation(of)[:24] for name, of in values.items()}
    own = log_density(estimator, np.array(list(candidates.values())).T)
    np.testing.assert_allclose(own, estimator.log_pdf(candidates), rtol=1e-9)


def test_a_mass_in_the_right_tail_is_that_in_the_left_one() -> None:
    ends = np.array([9.0, 12.0, -12.0]), np.array([10.0, 13.0, 12.0])
    mass = _mass(*ends)
    np.testing.assert_array_equal(mass, _mass(-ends[1], -ends[0]))
    assert (mass[:2] > 0).all()


class Grown:
    """A study of many trials, of which the best are the first ones."""

    def __init__(self, trials: int, pruned: int = 0) -> None:
        self.study = optuna.create_study(direction="maximize")
        kinds = {"rate": FloatDistribution(0, 1)}
        for number in range(trials):
            state = TrialState.PRUNED if number < pruned else TrialState.COMPLETE
            value = None if state == TrialState.PRUNED else -float(number)
            self.study.add_trial(
                create_trial(state=state, value=value, params={"rate": number / trials}, distributions=kinds)
            )

    def seen(self, limit: int) -> list[int]:
        """The numbers of the trials that a sampler sees."""
        return [trial.number for trial in TPE(limit)._seen(self.study)._get_trials(deepcopy=False)]


def test_beyond_its_limit_it_sees_the_best_and_the_latest_and_all_that_run() -> None:
    grown = Grown(100, pruned=10)
    assert grown.seen(100) == list(range(100))
    running = grown.study.ask().number
    assert grown.seen(40) == [*range(10, 20), *range(70, 100), running]


def test_a_trial_that_breaks_a_constraint_is_none_of_the_best() -> None:
    grown = Grown(100)
    trial = grown.study.ask()
    trial.set_constraint("size", 1.0)
    grown.study.tell(trial, 1000.0)
    for later in Grown(60).study.trials:
        grown.study.add_trial(later)
    assert trial.number not in grown.seen(40)


def test_the_best_are_those_that_tpe_models_as_good() -> None:
    """It models 25 trials at most as good ones."""
    assert BEST >= 25
    grown = Grown(400)
    below: list[list[int]] = []

    class Spy(TPE):
        def _build_parzen_estimator(self, study: Any, search_space: Any, trials: Any, handle_below: bool) -> Any:
            if handle_below:
                below.append([trial.number for trial in trials])
            return super()._build_parzen_estimator(study, search_space, trials, handle_below)

    for limit in (400, 300):
        grown.study.sampler = Spy(limit, seed=0)
        trial = grown.study.ask()
        trial.suggest_float("rate", 0, 1)
        grown.study.tell(trial, state=TrialState.FAIL)
    assert below[0] == below[1] == list(range(25))


def test_a_range_that_was_changed_leaves_the_joint_space() -> None:
    def drawn(made: Made) -> list[float]:
        study = optuna.create_study()
        for number in range(30):
            study.sampler = made(seed=number, n_startup_trials=5)
            trial = study.ask()
            study.tell(
                trial, trial.suggest_float("rate", 0, 1 if number < 15 else 2) + trial.suggest_float("drop", 0, 1)
            )
        return [value for trial in study.trials for value in trial.params.values()]

    assert drawn(TPE) == drawn(TPESampler)
