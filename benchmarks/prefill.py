"""A study that has many trials already, made through Optuna's and MLflow's own means instead of run."""

from __future__ import annotations

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial

from benchmarks.space import draw
from sweeps.space.hyperparameters import SuggestedHyperParameters
from sweeps.study.attributes import PARAMS, PARENT_RUN, RUN_ID
from sweeps.system import paths
from tracking import DataDescription, TrialRun, begin_sweep, open_store


def prefill(name: str, trials: int, record: bool) -> None:
    """Put COMPLETE trials of the benchmark's space into a new study of this workspace.

    Args:
        record: whether each gets a run in MLflow too (25 ms a trial).
    """
    journal = paths.journal(name)
    journal.parent.mkdir(parents=True)
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=JournalFileOpenLock(str(journal))))
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    drawn = _drawn(trials)
    study.add_trials(drawn)
    if record:
        study.set_user_attr(PARENT_RUN, _recorded(name, drawn))


def _drawn(count: int) -> list[FrozenTrial]:
    """Random points of the space with values as an accuracy has them."""
    source = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = []
    for number in range(count):
        trial = source.ask()
        params = draw(SuggestedHyperParameters(trial))
        value = 0.5 + 0.4 * number / count
        found.append(
            optuna.trial.create_trial(
                params=trial.params,
                distributions=trial.distributions,
                value=value,
                intermediate_values={1: value},
                user_attrs={PARAMS: params, RUN_ID: ""},
            )
        )
    return found


def _recorded(name: str, trials: list[FrozenTrial]) -> str:
    """The id of the sweep's run, its trials' runs below it."""
    paths.home().mkdir(parents=True, exist_ok=True)
    store = open_store(paths.tracking_uri(), name, paths.artifact_root())
    parent = begin_sweep(store, None, {}, {}, DataDescription("prefilled", "0" * 32, "prefilled"))
    for number, trial in enumerate(trials):
        with TrialRun(store, parent, number, {}) as run:
            run.log_params(trial.user_attrs[PARAMS])
            run.log_metrics({"val_accuracy": trial.value or 0.0}, step=1)
            run.state = "COMPLETE"
    return parent
