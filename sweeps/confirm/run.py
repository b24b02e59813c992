"""The confirmation of a study from its name to its result: the finalists are trained again, and one of them wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.trial import FrozenTrial

from sweeps.config import SweepConfig
from sweeps.confirm import test_set
from sweeps.confirm.finalists import Repetitions, candidates, top_trials
from sweeps.confirm.repeat import repeat
from sweeps.confirm.result import make_result, record, write
from sweeps.data import Dataset, load
from sweeps.engine.cluster import slots
from sweeps.engine.continuation import check_source
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.scheduler import Watcher
from sweeps.engine.scratch import data_file
from sweeps.engine.sweep import check, result_of_check, submit_check
from sweeps.errors import InputError
from sweeps.space.reference import Space
from sweeps.study import confirmation, results
from sweeps.study.attributes import CONFIG, GIVEN, IDENTITY
from sweeps.study.confirmation import Confirmation
from sweeps.study.identity import Identity, check_identity
from sweeps.trial.plan import CheckedSweep, SweepRequest

#: runs of each finalist
SEEDS = 4


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        top: how many trials are finalists; None: five, or as many as there are.
        seeds: how often each is trained again.
        jobs: runs at once; None: as many as the study's trials.
        again: the test rows may be looked at once more.

    Raises:
        InputError: a number is none, or too low.
    """

    study: str
    top: int | None = None
    seeds: int = SEEDS
    jobs: int | None = None
    again: bool = False

    def __post_init__(self) -> None:
        for name, least in (("top", 1), ("seeds", 2), ("jobs", 1)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise InputError(f"{name}: a whole number of at least {least} is needed, got {value!r}")


def confirm(
    request: Request, watcher: Watcher, space: str | Space | None = None, data: Dataset | None = None
) -> Confirmation:
    """Train the finalists of a study again, choose the winner, and look at it on the test rows.

    What an earlier call has trained is not trained again.

    Args:
        space, data: those of the study, where a Python program gave them.

    Raises:
        InputError: there is no such study, it has too few trials, space or data are not what they were, or the test
            rows were looked at before.
        TrialsFailed: each finalist has failed.
        BackendUnreachable: the MLflow store is not there.
        Interrupted: by a signal; another call goes on.
    """
    study = results.open_study(request.study)
    leaders = top_trials(study, request.top)
    config = _configuration(study, space, data)
    asked = check(config, None if isinstance(space, str) else space)
    for trial in leaders:
        check_source(study, trial, asked.source_of_space)
    # the finalists' own version of the space is the one that is asked for, whatever the study had before
    source = replace(asked.source_of_space, accepted=True)
    dataset = load(asked.source) if data is None else data
    check_identity(study, Identity(**study.user_attrs[IDENTITY] | {"digest": dataset.digest}), source)
    repetitions = Repetitions.of(request.seeds, config.seed, dataset)
    found = _known(study, leaders, repetitions)
    if found is None:
        test_set.check_unseen(study, request.again)
        asked = replace(asked, enqueue=(), warm_start=None, start="default", total=1, source_of_space=source)
        found = _train(study, request, config, asked, leaders, repetitions, watcher, data)
        write(found)
    found = test_set.with_test(study, found, space, data, request.again)
    write(found)
    record(study, found)
    return found


def _train(
    study: optuna.Study,
    request: Request,
    config: SweepConfig,
    asked: SweepRequest,
    leaders: Sequence[FrozenTrial],
    repetitions: Repetitions,
    watcher: Watcher,
    data: Dataset | None,
) -> Confirmation:
    """Train what is missing of the repetitions; the result."""
    jobs = min(request.jobs or config.jobs, (len(leaders) + 1) * request.seeds)
    # as many threads as the trials had: other sums of floats differ
    with data_file(data) as sent, slots(jobs, config.memory_limit, share=config.jobs) as client:
        dispatcher = Dispatcher(client)
        seen = result_of_check(dispatcher, submit_check(dispatcher, asked, sent), config.trial_timeout)
        checked = CheckedSweep(config, asked, seen)
        check_identity(study, checked.identity, asked.source_of_space)
        wanted = candidates(study, leaders, next(iter(seen.enqueue), None), asked.source_of_space)
        confirming = repeat(checked, wanted, repetitions, jobs, dispatcher, watcher, sent)
    return make_result(study, confirming, wanted, repetitions, checked, len(leaders))


def _configuration(study: optuna.Study, space: str | Space | None, data: Dataset | None) -> SweepConfig:
    """Raises: InputError: space or data came from a Python program, and are not given here."""
    name, needed = study.study_name, study.user_attrs.get(GIVEN, [])
    known = results.whole(study, CONFIG, study.user_attrs)
    for what, value in (("space", space), ("data", data)):
        if what in needed and value is None:
            raise InputError(
                f"study {name!r} had its {what} from a Python program; there: sweeps.run(…).confirm(), with the same "
                "arguments (trials that are there are not run again)"
            )
    return SweepConfig(**known | ({"space": space} if isinstance(space, str) else {}))


def _known(study: optuna.Study, leaders: Sequence[FrozenTrial], repetitions: Repetitions) -> Confirmation | None:
    """The confirmation that the study has, if it is the one that is asked for."""
    found = confirmation.current(study)
    if found is None or (found.top, tuple(found.seeds)) != (len(leaders), repetitions.seeds):
        return None
    return found
