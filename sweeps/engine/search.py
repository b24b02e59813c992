"""The search itself: the study and the record are opened, trials are scheduled, the record is closed."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version

import optuna
from dask.system import CPU_COUNT
from optuna.trial import TrialState

from sweeps.baselines import BaselineProcess
from sweeps.config import PASSING
from sweeps.engine.dispatcher import Dispatcher
from sweeps.engine.driver import driving
from sweeps.engine.scheduler import Limits, Scheduler, SearchBegun, Watcher
from sweeps.engine.scratch import DataFile
from sweeps.engine.session import LAST_CALLS, StudySession, open_session
from sweeps.errors import Interrupted, MachineFault, SweepError
from sweeps.report import sweep_page
from sweeps.space.fingerprint import SPACE_VERSION, versioned
from sweeps.space.shipped import ShippedSpace
from sweeps.study import kept_models
from sweeps.study import study as studies
from sweeps.study.attributes import BASELINES, CONFIG, COUNTS_FAILED, DATA, DEFAULTS, GIVEN, OUTCOME, PARENT_RUN, TOTAL
from sweeps.study.budget import Budget
from sweeps.study.record import in_reach, make_record
from sweeps.study.results import top
from sweeps.study.study import StudyRef
from sweeps.system import signals
from sweeps.trial.plan import CheckedSweep, OutcomeState, TrialOutcome
from sweeps.trial.reaper import take_up
from tracking import DataDescription, Store, TrackingError, begin_sweep, end_sweep
from tracking.spool import send_all
from tracking.store import log

#: slots for each core that need no words: one waits for a disk while another trains
_MOST_A_CORE = 2
#: more workers than any cluster has
_ALL = 1_000_000

_PACKAGES = ("tensorflow", "keras", "keras-tuner", "optuna", "mlflow", "distributed", "numpy")


def search(
    checked: CheckedSweep,
    dispatcher: Dispatcher,
    watcher: Watcher,
    limits: Limits,
    data: DataFile | None = None,
    in_memory: bool = False,
    baselines: BaselineProcess | None = None,
) -> None:
    """Store what was checked, then search.

    Args:
        data: a dataset as a file; None: they load what the plan names.
        in_memory: the data were given by a Python program.
        baselines: computes what the study has no baselines of.
    """
    config, store = checked.config, make_record(checked.config.study)
    with signals.deferred(), recorded(checked, store, in_memory) as session:
        study = session.study
        repairs = (finding.line(repaired=True) for finding in session.repaired)
        if baselines is not None:
            baselines.record(lambda rows: study.set_user_attr(BASELINES, rows))
        crowd = _too_many(config.jobs) if config.cluster is None else ()
        warnings = (*checked.found.warnings, *session.notes, *_waiting(session), *crowd, *repairs)
        found = checked.found
        task, best = str(found.data["task"]), _best_so_far(study)
        kept = config.models_kept
        # at its beginning, and when a larger total makes models go
        said = kept_models.said(kept) if best is None or (kept and kept_models.beyond(study, kept)) else ""
        # without hyperparameters there is one point, which the second slot would draw again
        # of a cluster as many as there are workers
        most = config.jobs if config.cluster is None or "jobs" in config.model_fields_set else _ALL
        jobs = studies.at_once(study, config.trials, most) if found.hyperparameters or found.draws_epochs else 1
        workers = None if config.cluster is None else dispatcher.free(most)
        watcher.begin(SearchBegun(found.objective, task, found.validation, warnings, best, said, workers))
        plan = checked.plan(study.user_attrs.get(SPACE_VERSION))
        with driving(dispatcher.client, session, plan, watcher.epoch) as driver:
            Scheduler(dispatcher, driver, plan, jobs, session, watcher, limits, data).run()
            tag = {"values_asked": driver.values_asked}
            session.writer.submit(log, store, study.user_attrs[PARENT_RUN], tags=tag)
        if baselines is not None:
            baselines.finish()


def recorded(checked: CheckedSweep, store: Store, in_memory: bool) -> AbstractContextManager[StudySession]:
    """The study of a sweep and its run in MLflow while trials are run; at the end both say how it ended.

    Args:
        in_memory: the data were given by a Python program.
    """

    def prepare(session: StudySession) -> None:
        _prepare(session, checked, in_memory)

    return recorded_as(checked.ref, checked, store, checked.config.budget, prepare, _end)


@contextlib.contextmanager
def recorded_as(
    ref: StudyRef,
    checked: CheckedSweep,
    store: Store,
    budget: Budget,
    prepare: Callable[[StudySession], None],
    end: Callable[[optuna.Study, Store, str, str], None],
) -> Iterator[StudySession]:
    """As `recorded`, for a study in the journal of `ref`.

    Args:
        budget: what it may spend.
        prepare: brings the study to its beginning, with its run in MLflow, before other processes may open it.
        end: closes that run; it gets the study, the store, the run's id and its status.
    """

    def create() -> optuna.Study:
        return studies.create(ref, checked.identity, checked.request.source_of_space)

    with open_session(ref, store, budget, create, prepare) as session:
        study = session.study
        outcome, faults = "KILLED", tuple[type[Exception], ...]()
        try:
            with in_reach():
                yield session
            session.finish_record()
            outcome = "FINISHED"
        except Interrupted:
            raise
        except MachineFault:
            faults = (OSError, SweepError)  # what cannot be written now neither, a resume brings in order
            raise
        except Exception:
            outcome = "FAILED"
            raise
        finally:
            with contextlib.suppress(*faults), in_reach():
                session.writer.wait(LAST_CALLS)
                session.writer.close(LAST_CALLS)  # so that no run is created beside those that are looked for now
                with contextlib.suppress(TrackingError):
                    send_all(store)
                session.reap()  # whose worker died, or did not end in time
                end(study, store, study.user_attrs[PARENT_RUN], outcome)


def _prepare(session: StudySession, checked: CheckedSweep, in_memory: bool) -> None:
    """Retries, enqueued trials and attributes of the study, and the sweep's run in MLflow."""
    study, config, found = session.study, checked.config, checked.found
    session.models_kept = config.models_kept
    session.if_alone(lambda: take_up(study, session.checkpoints, session.missing()))
    study.set_user_attr(TOTAL, config.trials)
    if checked.request.counts_failed:
        study.set_user_attr(COUNTS_FAILED, True)
    study.set_user_attr(DATA, dict(found.data))
    study.set_user_attr(CONFIG, config.model_dump(mode="json", exclude=PASSING))
    given = {"space": not isinstance(checked.request.space, str | ShippedSpace), "data": in_memory}
    study.set_user_attr(GIVEN, [what for what, is_given in given.items() if is_given])
    if found.enqueue and not (checked.request.enqueue or checked.request.warm_start):
        study.set_user_attr(DEFAULTS, dict(found.enqueue[0]))
    session.notes += _enqueue(study, found.enqueue, by_hand=bool(checked.request.enqueue))
    _begin(checked, study, session.store)


def _enqueue(study: optuna.Study, points: Sequence[Mapping[str, object]], by_hand: bool) -> list[str]:
    """Enqueue what the study does not have; what is to be said of the others, if a person has asked for them."""
    version, before = study.user_attrs.get(SPACE_VERSION), len(study.get_trials(deepcopy=False))
    for params in points:
        study.enqueue_trial(named(params, version), skip_if_exists=True)
    there = before + len(points) - len(study.get_trials(deepcopy=False))
    if not there or not by_hand:
        return []
    return [f"enqueued trials: {there} of {len(points)} given twice or in the study already, not trained again"]


def named(params: Mapping[str, object], version: int | None) -> dict[str, object]:
    """An enqueued trial under the names that its hyperparameters may have in this version of the space."""
    others = {versioned(name, version): value for name, value in params.items()} if version and version > 1 else {}
    return {**params, **others}


def _waiting(session: StudySession) -> tuple[str, ...]:
    """A warning if more trials are enqueued than the study lacks."""
    enqueued = len(session.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    beyond = enqueued - session.missing()
    if beyond <= 0:
        return ()
    return (
        f"enqueued trials: {beyond} beyond the total are not run; --trials {session.budget.trials + beyond} runs them",
    )


def _too_many(jobs: int) -> tuple[str, ...]:
    """A warning about more slots than are of use."""
    if jobs <= _MOST_A_CORE * CPU_COUNT:
        return ()
    return (
        f"--jobs {jobs}: this machine has {CPU_COUNT} cores; more trials at once than cores train no faster, and each "
        "takes its own memory",
    )


def _best_so_far(study: optuna.Study) -> TrialOutcome | None:
    """What a resumed study has already."""
    leaders = top(study, 1)
    if not leaders:
        return None
    row = leaders[0]
    return TrialOutcome(row.number, OutcomeState.COMPLETE, row.value, row.seconds or 0.0, row.params)


def _begin(checked: CheckedSweep, study: optuna.Study, store: Store) -> None:
    """The sweep's own run in MLflow: made with the study, taken up again by a resume."""
    config, source = checked.config, checked.request.source
    described = DataDescription(source.short_name, checked.found.digest, config.dataset)
    options = config.model_dump(mode="json", exclude_none=True, exclude={"jobs", "trials", *PASSING})
    options = {name: value for name, value in options.items() if value not in ([], {}, "")}
    tags = versions() | {
        "trials": config.trials,
        "jobs": config.jobs,
        "objective": ", ".join((checked.found.objective.metric, *checked.found.objective.others)),
        "dense_layers": checked.found.dense_layers,
    }
    if task := checked.found.data["task"]:
        tags["task"] = task
    tags |= {f"keras.{name}": value for name, value in checked.found.keras.items()}
    rows = {f"rows.{part}": n for part, n in checked.found.rows.items()}
    known = study.user_attrs.get(PARENT_RUN)
    study.set_user_attr(OUTCOME, None)
    with in_reach():
        run_id = begin_sweep(store, known, options | rows, tags, described)
    study.set_user_attr(PARENT_RUN, run_id)


def versions() -> dict[str, object]:
    """Tags with the versions of libraries and, where the current folder is in a repository, the git commit."""
    return {"versions": ", ".join(f"{name} {version(name)}" for name in _PACKAGES)} | _commit()


def _commit() -> dict[str, object]:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": found.stdout.strip()}


def _end(study: optuna.Study, store: Store, parent: str, outcome: str) -> None:
    """Close the sweep's run with its results, and show them on the experiment's page.

    Raises:
        BackendUnreachable: the store is away; the study has all results, a resume completes the record.
    """
    with in_reach():
        end_sweep(store, parent, outcome, sweep_page.results_of(study, store, parent))
        sweep_page.show(study, store)
    study.set_user_attr(OUTCOME, outcome)
