"""A finished trial trained on where it stopped: a trial of its own, with the same hyperparameters and seed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeps.config import SweepConfig
from sweeps.data import Dataset, load
from sweeps.engine.cluster import slots
from sweeps.engine.dispatcher import Dispatcher, Ended
from sweeps.engine.driver import Driver, driving
from sweeps.engine.scheduler import raise_if_halted
from sweeps.engine.scratch import DataFile, data_file
from sweeps.engine.session import StudySession, open_session
from sweeps.engine.sweep import check, result_of_check, submit_check
from sweeps.engine.tasks import run_trial
from sweeps.errors import InputError, TrialsFailed, shortened
from sweeps.space.fingerprint import SPACE_VERSION, SpaceSource
from sweeps.space.reference import Space
from sweeps.study import results, retries
from sweeps.study import study as studies
from sweeps.study.attributes import AFTER, CONFIG, CONTINUES, EPOCHS, GIVEN, MODEL_URI, PARENT_RUN, TRAINED
from sweeps.study.budget import Budget
from sweeps.study.identity import check_identity
from sweeps.study.record import store_of
from sweeps.system import signals
from sweeps.trial.plan import CheckedSweep, OutcomeState, TrialOutcome, TrialPlan
from tracking import Store


@dataclass(frozen=True)
class Continued:
    """A trial that continues another one.

    Attributes:
        number, origin: its own, and that of the one that it continues.
        begun, epochs: the epochs that it began with, and has now.
        value, before: the objective's best value over all epochs; over those that it began with, None if it was pruned.
    """

    number: int
    origin: int
    begun: int
    epochs: int
    metric: str
    value: float
    before: float | None
    model_uri: str

    def __str__(self) -> str:
        before = "pruned" if self.before is None else f"{self.before:.4f}"
        return (
            f"trial {self.number} continues trial {self.origin} from epoch {self.begun} to {self.epochs}: "
            f"{self.metric} {self.value:.4f} (before: {before})\nmodel  {self.model_uri}"
        )


def continue_trial(
    name: str, number: int, more: int, space: Space | None = None, data: Dataset | None = None
) -> Continued:
    """Train trial `number` of a study for `more` epochs.

    Its last state is kept if it is among the best; otherwise it is trained again from its first epoch, which gives
    the same.

    Args:
        space, data: those of the study, where a Python program gave them.

    Raises:
        InputError: there is no such study or trial, it was not finished, or space or data are not what they were.
        BackendUnreachable: the MLflow store is not there.
        TrialsFailed: the training failed.
    """
    if isinstance(more, bool) or not isinstance(more, int) or more < 1:
        raise InputError(f"epochs: a whole number of at least 1 is needed, got {more!r}")
    study = results.open_study(name)
    origin = _finished(study, number)
    config = _configuration(study, {"space": space, "data": data})
    if len(config.rounds) > 1:
        raise InputError(
            f"--trial: only a trial that trains one model can be trained on, those of {name!r} have {config.rounds}\n"
            "A new study with more --epochs trains longer"
        )
    results.whole(study, PARENT_RUN, study.user_attrs)  # else it has no record
    request = check(config, space)
    if data is None:
        load(request.source)  # here too, so that what is wrong with the data is said before anything is started
    begun = _trained(origin)
    # as many threads as the trial had: other sums of floats differ
    with data_file(data) as sent, slots(1, config.memory_limit, share=config.jobs) as client:
        dispatcher = Dispatcher(client)
        found = result_of_check(dispatcher, submit_check(dispatcher, request, sent))
        checked = CheckedSweep(config, request, found)
        check_source(study, origin, request.source_of_space)
        check_identity(study, checked.identity, replace(request.source_of_space, accepted=True))
        # the timeout was meant for the epochs of the study, the constraints for what is compared
        plan = checked.plan(origin.user_attrs.get(SPACE_VERSION))
        plan = replace(plan, trial_timeout=None, constraints=())
        outcome = _run(
            dispatcher, study, store_of(name), plan, sent, lambda: _begin(study, origin, begun, begun + more)
        )
    raise_if_halted(outcome)
    if outcome.state != OutcomeState.COMPLETE:
        raise TrialsFailed(
            f"trial {outcome.number}, which continues trial {number}, ended {outcome.state}: {outcome.error}"
        )
    made = study.get_trials(deepcopy=False)[outcome.number]
    assert outcome.value is not None
    uri = results.whole(study, MODEL_URI, made.user_attrs, made.number)
    return Continued(
        made.number, number, begun, _trained(made), plan.objective.metric, outcome.value, origin.value, uri
    )


def check_source(study: optuna.Study, origin: FrozenTrial, source: SpaceSource) -> None:
    """Raises: InputError: the space is not the one that the trial is of."""
    if changed := source.changes(study, origin.user_attrs.get(SPACE_VERSION)):
        raise InputError(
            f"the space has changed since trial {origin.number}: {shortened(changed)}\n"
            "A trial is trained on, or again, only with the space that it had"
        )


def _finished(study: optuna.Study, number: int) -> FrozenTrial:
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials) or trials[number].state not in studies.FINISHED:
        state = trials[number].state.name if number < len(trials) else "not there"
        raise InputError(f"--trial: a COMPLETE or PRUNED trial of {study.study_name!r} is wanted, {number} is {state}")
    return trials[number]


def _trained(trial: FrozenTrial) -> int:
    """How many epochs it has had."""
    return int(trial.user_attrs.get(TRAINED) or trial.last_step or 0)


def _configuration(study: optuna.Study, given: dict[str, Any]) -> SweepConfig:
    """Raises: InputError: space or data are missing, or are given though the study names them."""
    known, needed = study.user_attrs.get(CONFIG), study.user_attrs.get(GIVEN, [])
    if known is None:
        raise InputError(f"study {study.study_name!r} does not hold how it was begun; it cannot be continued")
    for what, value in given.items():
        if (value is None) != (what not in needed):
            wanted = f"had its {what} from a Python program; there: " if what in needed else f"names its {what}: "
            arguments = ", ".join(f"{one}=…" for one in ("trial", "epochs", *needed))
            tuner = ", or the tuner's own continue_trial" if len(needed) > 1 else ""
            raise InputError(
                f"study {study.study_name!r} {wanted}sweeps.Result({study.study_name!r}).continue_trial({arguments})"
                f"{tuner}"
            )
    return SweepConfig(**known)


def _begin(study: optuna.Study, origin: FrozenTrial, after: int, epochs: int) -> int:
    """The number of the trial that continues `origin`; one that was cut short, or did not begin, is taken up again."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    for trial in (*waiting, *retries.unfinished(study)):
        if (trial.user_attrs.get(CONTINUES), trial.user_attrs.get(EPOCHS)) == (origin.number, epochs):
            return trial.number if trial.state == TrialState.WAITING else retries.retry(study, trial.number)
    return retries.enqueue(study, origin.params, {CONTINUES: origin.number, EPOCHS: epochs, AFTER: after})


def _run(
    dispatcher: Dispatcher,
    study: optuna.Study,
    store: Store,
    plan: TrialPlan,
    data: DataFile | None,
    begin: Callable[[], int],
) -> TrialOutcome:
    """Run the trial, again as often as its worker dies of it, until it is given up.

    Args:
        begin: gives the trial's number.
    """
    numbers: list[int] = []

    def prepare(session: StudySession) -> None:
        numbers.append(begin())

    with open_session(plan.study, store, Budget(trials=1), lambda: study, prepare) as session:
        try:
            with driving(dispatcher.client, session, plan) as driver:
                while True:
                    outcome = _run_once(dispatcher, driver, plan, data, numbers[-1])
                    if outcome.state != OutcomeState.KILLED:
                        session.finish_record()
                        return outcome
                    numbers += retries.followers(study, outcome.number)
        finally:
            session.reap()  # whose epoch did not end in time


def _run_once(
    dispatcher: Dispatcher, driver: Driver, plan: TrialPlan, data: DataFile | None, number: int
) -> TrialOutcome:
    def end(late: Ended) -> None:
        if driver.is_ready(late):
            driver.outcome_of(late)

    ended = dispatcher.run(run_trial, plan, driver.begin(number), data, trial=number, late=end)
    while not driver.is_ready(ended):  # the store is away
        signals.raise_if_interrupted()
        time.sleep(0.5)
    return driver.outcome_of(ended)
