"""A study with many trials, created through Optuna and MLflow without running them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras_tuner
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial

from benchmarks import space
from sweeps.space.hyperparameters import SuggestedHyperParameters
from sweeps.study.attributes import PARAMS, PARENT_RUN, RUN_ID
from sweeps.system import paths
from tracking import DataDescription, TrialRun, begin_sweep, open_store

Draw = Callable[[keras_tuner.HyperParameters], dict[str, Any]]


def prefill(name: str, trials: int, record: bool, draw: Draw = space.draw) -> None:
    """Create a study with COMPLETE trials of the benchmark's space in this workspace.

    Args:
        record: also create an MLflow run for each trial (25 ms).
        draw: asks for the hyperparameters, if the space is another one.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = paths.journal(name)
    journal.parent.mkdir(parents=True)
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal))))
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    random_trials = _random_trials(trials, draw)
    study.add_trials(random_trials)
    if record:
        study.set_user_attr(PARENT_RUN, _create_runs(name, random_trials))


def _random_trials(count: int, draw: Draw) -> list[FrozenTrial]:
    """Random points of the space with values in the range of an accuracy."""
    source = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = []
    for number in range(count):
        trial = source.ask()
        params = draw(SuggestedHyperParameters(trial))
        value = 0.5 + 0.4 * number / count
        trials.append(
            optuna.trial.create_trial(
                params=trial.params,
                distributions=trial.distributions,
                value=value,
                intermediate_values={1: value},
                user_attrs={PARAMS: params, RUN_ID: ""},
            )
        )
    return trials


def _create_runs(name: str, trials: list[FrozenTrial]) -> str:
    """Create the sweep's run and its trials' child runs; return its id."""
    paths.home().mkdir(parents=True, exist_ok=True)
    store = open_store(paths.tracking_uri(), name, paths.artifact_root())
    parent = begin_sweep(store, None, {}, {}, DataDescription("prefilled", "0" * 32, "prefilled"))
    for number, trial in enumerate(trials):
        with TrialRun(store, parent, number, {}) as run:
            run.log_params(trial.user_attrs[PARAMS])
            run.log_metrics({"val_accuracy": trial.value or 0.0}, step=1)
            run.state = "COMPLETE"
    return parent
