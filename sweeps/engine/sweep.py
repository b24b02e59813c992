"""A sweep from its configuration to its end: everything is checked first, then stored and searched."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from distributed import Security
from optuna.trial import TrialState

from search_spaces.metric_names import METRICS
from sweeps.baselines import NOT_IN_TIME, BaselineProcess
from sweeps.config import SweepConfig, is_described
from sweeps.data import Dataset, DataSource, load
from sweeps.engine.cluster import slots
from sweeps.engine.described_cluster import described, read_description
from sweeps.engine.dispatcher import Dispatcher, Task
from sweeps.engine.first_trials import read_enqueue, read_warm_start
from sweeps.engine.scheduler import FAILURE_LIMIT, Limits, Watcher
from sweeps.engine.scratch import DataFile, clear_away, data_file
from sweeps.engine.tasks import DataSoon, preflight, warm_up
from sweeps.errors import InputError
from sweeps.model import keras_state
from sweeps.space.fingerprint import Fingerprint, SpaceSource
from sweeps.space.reference import PackedSpace, Space, is_own
from sweeps.space.registered import check_set
from sweeps.space.shipped import ShippedSpace
from sweeps.storage import shared
from sweeps.study import retries, samplers
from sweeps.study import study as studies
from sweeps.study.attributes import BASELINES, CONFIG, IDENTITY, OUTCOME
from sweeps.study.baselines import score_name
from sweeps.study.figures import FIGURES
from sweeps.study.identity import OBJECTIVES, Identity, check_identity, remember_place
from sweeps.study.objective_choice import check_reachable, parse_objective
from sweeps.study.points import is_walked
from sweeps.system import paths
from sweeps.system.file_checks import check_file
from sweeps.system.import_keras import require_tensorflow
from sweeps.trial.fit_options import Fitting
from sweeps.trial.plan import CheckedSweep, Preflight, SweepRequest

if TYPE_CHECKING:
    from sweeps.engine.remote_dispatcher import RemoteDispatcher


def run(
    config: SweepConfig,
    watcher: Watcher,
    space: Space | None = None,
    data: Dataset | None = None,
    failures: int = FAILURE_LIMIT,
    retries: int = 0,
    counts_failed: bool = False,
    security: Security | None = None,
) -> None:
    """Run the trials that the study still lacks.

    Args:
        space: a build function or a HyperModel in memory; None: the one that the configuration names.
        data: a dataset in memory, which each worker reads once; None: the one that the configuration names.
        failures: failed trials in a row after which the sweep is given up.
        retries: how often a trial that fails is tried again, before it counts as failed.
        counts_failed: trials that failed for good count towards the total; otherwise others replace them.
        security: for the workers of a cluster; None: as Dask is configured.

    Raises:
        InputError: the configuration, the data or the space is wrong; nothing was written.
        TrialsFailed: too many trials failed in a row.
        BackendUnreachable: the tracking store does not answer.
        CorruptStore: the study's journal cannot be read.
    """
    shared.join(paths.journal(config.study), config.storage)
    config = with_pruner_of_study(config)
    request = replace(check(config, space), counts_failed=counts_failed)
    if _complete(config, request, data):
        clear_away()
        return
    if data is None:
        load(request.source)  # here too, so that what is wrong with the data is said before anything is started
    deadline = time.monotonic() + config.time_budget if config.time_budget else None
    # as many threads a trial whatever is missing: other sums of floats differ
    baselines = _baselines(config, request.source if data is None else data)
    # imports MLflow, while the process that workers are forked from imports TensorFlow
    from sweeps.engine.remote import sent_data
    from sweeps.engine.search import search
    from tracking import import_soon_needed

    import_soon_needed(paths.tracking_uri())
    with baselines or contextlib.nullcontext(), contextlib.ExitStack() as stack:
        if config.cluster is None:
            sent = stack.enter_context(data_file(data))
            dispatcher = Dispatcher(stack.enter_context(slots(jobs_of(config), config.memory_limit, config.jobs)))
        else:
            dispatcher = stack.enter_context(_cluster_workers(config, security))
            whole = load(request.source) if data is None else data
            sent = stack.enter_context(sent_data(dispatcher.client, whole))
        client = dispatcher.client
        # none, where the only one has just died: the dispatcher waits for the next
        first = next(iter(client.scheduler_info(n_workers=-1)["workers"]), None)
        placed = {"workers": [first], "allow_other_workers": True} if first else {}
        checking = submit_check(dispatcher, request, sent, **placed)
        if sent is None and not config.folds:  # small data, of which the trials have other rows
            client.register_plugin(DataSoon(request.source, but=first))
        limits = Limits(deadline, failures, retries)
        found = result_of_check(dispatcher, checking, config.trial_timeout)
        check_reachable(found.objective, config.stop_at)
        in_memory = data is not None
        search(CheckedSweep(config, request, found), dispatcher, watcher, limits, sent, in_memory, baselines)


@contextlib.contextmanager
def _cluster_workers(config: SweepConfig, security: Security | None) -> Iterator[RemoteDispatcher]:
    """The workers of the scheduler, or of the described cluster, that the configuration names."""
    from sweeps.engine.remote import workers_of

    assert config.cluster is not None
    with contextlib.ExitStack() as stack:
        address, fleet = config.cluster, None
        if is_described(address):
            most = config.jobs if "jobs" in config.model_fields_set else config.trials
            trials = studies.at_once(_begun(config), config.trials, most)
            cluster, fleet = stack.enter_context(described(address, config.workers, trials))
            address, security = cluster.scheduler_address, getattr(cluster, "security", None)
        yield stack.enter_context(workers_of(address, security, config.resources, fleet))


def with_pruner_of_study(config: SweepConfig) -> SweepConfig:
    """The configuration with the pruner that the study was last run with, unless it names one: the default may be
    another one in an earlier version.

    A new study of several objectives has none, unless one is named: a small model that learns less is not hopeless.
    """
    journal = paths.journal(config.study)
    if "pruner" in config.model_fields_set:
        return config
    if not studies.begun(journal):
        is_searched = len(config.objectives) > 1 and not config.pruner_options
        return config.model_copy(update={"pruner": "none"}) if is_searched else config
    known = studies.load(config.study, journal).user_attrs.get(CONFIG, {})
    names = {"pruner", "pruner_options"} & known.keys() - config.model_fields_set
    return config.model_copy(update={name: known[name] for name in names})


def _baselines(config: SweepConfig, data: Dataset | DataSource) -> BaselineProcess | None:
    """Begins to compute the baselines that the study lacks; None if it has them, or none are wanted."""
    journal = paths.journal(config.study)
    found = studies.load(config.study, journal).user_attrs.get(BASELINES, ()) if studies.begun(journal) else ()
    complete = found and all(row["reason"] != NOT_IN_TIME for row in found)
    if not config.baselines or complete:
        return None
    score = next((score_name(parse_objective(one)[0]) for one in config.objectives), None)
    return BaselineProcess(data, score, config.rounds.folds, config.seed)


def jobs_of(config: SweepConfig) -> int:
    """How many trials are run at once: no more than the study lacks.

    Raises:
        CorruptStore: the study's journal cannot be read.
    """
    return studies.at_once(_begun(config), config.trials, config.jobs)


def _begun(config: SweepConfig) -> optuna.Study | None:
    """The study, if it was begun."""
    journal = paths.journal(config.study)
    return studies.load(config.study, journal) if studies.begun(journal) else None


def submit_check(
    dispatcher: Dispatcher, request: SweepRequest, data: DataFile | None, **options: Any
) -> tuple[Task, Task]:
    """Begin to check data and space in a worker, which imports TensorFlow first; for `result_of_check`.

    Args:
        data: a dataset as a file; None: the worker loads what the request names.
        options: of `Client.submit`, for the check.
    """
    return dispatcher.submit(warm_up), dispatcher.submit(preflight, request, data, **options)


def result_of_check(dispatcher: Dispatcher, tasks: tuple[Task, Task], timeout: float | None = None) -> Preflight:
    """Wait for what `submit_check` has begun.

    Args:
        timeout: seconds that the check may take, without the import of TensorFlow; None: no limit.

    Raises:
        InputError: data or space are wrong, or the check takes too long.
        TrialsFailed: the worker died.
        BackendUnreachable: the worker cannot import what it needs.
    """
    warm, checking = tasks
    dispatcher.result(warm, "the import of TensorFlow")
    found: Preflight = dispatcher.result(checking, "the check of data and space", timeout)
    return found


def check(config: SweepConfig, space: Space | None = None) -> SweepRequest:
    """What can be checked without TensorFlow; the rest is checked in a worker.

    Raises:
        InputError: a name or a file is wrong.
    """
    require_tensorflow()
    samplers.check_names(config.sampler, config.pruner, config.sampler_options, config.pruner_options)
    paths.tracking_uri()  # here too: it is checked, and its password put away before workers inherit it
    placed = _absolute(config.space) if space is None else config.space
    if space is None:
        check_set(config.space, config.set)
    if config.cluster is not None and is_described(config.cluster):
        read_description(config.cluster, config.workers)
    return SweepRequest(
        space=_travelling(placed, config) if space is None else PackedSpace.of(space),
        source=source_of(config, space),
        set=config.set,
        objectives=config.objectives,
        enqueue=read_enqueue(config.enqueue) if config.enqueue else (),
        warm_start=read_warm_start(config.warm_start, config.study) if config.warm_start else None,
        seed=config.seed,
        grid=config.sampler == "grid",
        fitting=Fitting(
            config.class_weight,
            _metrics(config, space),
            tuple(_absolute(one, "callback") for one in config.callback),
            config.patience,
        ),
        start=config.start if config.sampler != "grid" else "none",
        total=config.trials,
        epochs=config.epochs,
        rounds=config.rounds,
        constraints=config.constraints,
        keras=keras_state.of_client(),
        allow_lambda=config.allow_lambda,
        source_of_space=SpaceSource(Fingerprint.of(placed if space is None else space), config.accept_changed_space),
    )


def _travelling(space: str, config: SweepConfig) -> str | ShippedSpace:
    """A named space as workers find it.

    Raises:
        InputError: workers of a cluster do not find it.
    """
    if config.cluster is None or not is_own(space):
        return space
    if any(".py:" in one for one in config.callback):
        raise InputError("--callback: workers of a cluster have no such file; name a function of an installed package")
    return ShippedSpace.of(space) or space


def _metrics(config: SweepConfig, space: Space | None) -> tuple[str, ...]:
    """The additional metrics that are asked for, those of objectives and constraints too if a registered space has
    them."""
    if is_own(config.space if space is None else space):
        return config.metrics
    asked = [*(parse_objective(one)[0] for one in config.objectives), *(one.name for one in config.constraints)]
    names = map(score_name, asked)
    return tuple(dict.fromkeys((*config.metrics, *(name for name in names if name in METRICS))))


def source_of(config: SweepConfig, space: Space | None = None) -> DataSource:
    """The data that a configuration names, as `space`, or else the one that it names, takes it."""
    return config.source(as_given=is_own(config.space if space is None else space)).absolute()


def _absolute(named: str, what: str = "space") -> str:
    """`path/file.py:function` for workers in another working directory.

    Raises:
        InputError: there is no such file, or it is none.
    """
    path, colon, name = named.rpartition(":")
    if not colon or not path.endswith(".py"):
        return named
    file = Path(os.path.expanduser(path))  # noqa: PTH111  # Path.expanduser raises when there is no such user
    try:
        check_file(file)
    except InputError as error:
        raise InputError(f"{what} {path!r}: {error}") from None
    return f"{file.absolute()}:{name}"


def _objectives(config: SweepConfig, known: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a study's identity that its objectives are, where what is not said is as it was.

    Args:
        known: the identity that the study was begun with.
    """
    others = known.get("options", {}).get(OBJECTIVES, {})
    options = dict(config.identity()["options"])
    if not config.objectives:
        return {"options": options | ({OBJECTIVES: others} if others else {})}
    (metric, direction, _), *more = map(parse_objective, config.objectives)
    asked = {name: way or others.get(name) or ("minimize" if name in FIGURES else None) for name, way, _ in more}
    return {
        "objective": metric,
        "direction": direction or known["direction"],
        "options": options | ({OBJECTIVES: asked} if asked else {}),
    }


def _complete(config: SweepConfig, request: SweepRequest, data: Dataset | None) -> bool:
    """Whether all trials are there already, or no more are to be, their record is closed and nothing is left lying, so
    that there is nothing to start processes for.

    Raises:
        InputError: the study was begun with something else.
    """
    journal = paths.journal(config.study)
    if not studies.begun(journal) or request.enqueue:
        return False
    study, source = studies.load(config.study, journal), request.source_of_space
    known = study.user_attrs.get(IDENTITY)
    if known is None:  # its first start died before it had one
        return False
    asked = {**known, **config.identity(), **_objectives(config, known), "dataset": request.source.short_name}
    if isinstance(request.space, PackedSpace) and request.keras is not None:  # a file may set others by itself
        asked["keras"] = request.keras.changed
    check_identity(study, Identity(**asked), source)
    check_reachable(studies.Objective(asked["objective"], asked["direction"]), config.stop_at)
    # two that need a look: metrics are no part of the identity, and whether a metric is of the training rows logs tell
    other_metrics = list(config.metrics) != study.user_attrs.get(CONFIG, {}).get("metrics")
    parsed = [parse_objective(one) for one in config.objectives]
    if other_metrics or any(
        not train and not name.startswith("val_") and name not in FIGURES for name, _, train in parsed
    ):
        return False
    # only now: what the data is to be read as is a part of what was asked
    asked["digest"] = (load(request.source) if data is None else data).digest
    check_identity(study, Identity(**asked), source)
    from sweeps.doctor.files import check_files  # imports MLflow, for which a sweep has time later

    left = [*paths.spool(config.study).glob("*"), *retries.checkpoints_left(study, journal.parent / paths.CHECKPOINTS)]
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    is_repaired = paths.has_store() and not left and not running and not any(check_files(journal))
    # points of an edited space are others
    is_at_its_end = is_walked(study) and not source.changes(study)
    lacks_some = config.budget.missing(study) and not is_at_its_end
    if not is_repaired or lacks_some or study.user_attrs.get(OUTCOME) is None:
        return False
    remember_place(study, config.space, source)
    return True
