"""The search itself: the study and the record are opened, the slots kept busy, the record closed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from importlib.metadata import version

import optuna
from distributed import Client, Future

from sweeps import study as studies
from sweeps import workspace
from sweeps.engine import Drive, Watcher
from sweeps.errors import BackendUnreachable, InputError, SweepError
from sweeps.plan import Looked, TrialOutcome, TrialPlan
from sweeps.reaper import present, reap
from sweeps.selection import status, top
from sweeps.study import DATA, PARENT_RUN, TOTAL, Identity, StudyRef
from tracking import DataDescription, Store, TrackingError, begin_sweep, end_sweep, open_store

_PACKAGES = ("tensorflow", "keras", "keras-tuner", "optuna", "mlflow", "distributed", "numpy")


def search(
    looked: Looked, client: Client, watcher: Watcher, deadline: float | None, data: Future | None = None
) -> None:
    """Store what was found good, then search."""
    config, found = looked.config, looked.found
    identity = Identity(
        dataset=looked.request.source.short_name,
        digest=found.digest,
        objective=found.objective.metric,
        direction=found.objective.direction,
        **config.identity(),
    )
    ref = StudyRef(
        config.study,
        workspace.journal(config.study),
        config.sampler,
        config.pruner,
        config.epochs,
        config.seed,
    )
    store = _store(config.study)
    torn = studies.mend(ref.journal)
    study = studies.create(ref, identity)
    with present(ref.journal.parent) as if_alone:
        if_alone(lambda: reap(study, store))
        study.set_user_attr(TOTAL, config.trials)
        study.set_user_attr(DATA, dict(found.data))
        for params in found.enqueue:
            study.enqueue_trial(dict(params), skip_if_exists=True)
        parent = _begin(looked, study, store)
        asked = looked.request
        plan = TrialPlan(ref, found.objective, asked.space, asked.source, asked.set, found.ambiguous, store, parent)
        watcher.begin(found.objective, (*found.warnings, *([torn] if torn else [])), _best_so_far(study))
        outcome = "KILLED"
        try:
            drive = Drive(
                client,
                plan,
                config.jobs,
                missing=lambda: studies.missing(study, config.trials),
                begin=len(study.get_trials(deepcopy=False)),
                watcher=watcher,
                deadline=deadline,
                data=data,
            )
            drive.run()
            outcome = "FINISHED"
        except SweepError:
            outcome = "FAILED"
            raise
        finally:
            if_alone(lambda: reap(study, store))  # whose worker died, or did not end in time
            _end(study, store, parent, outcome)


def _best_so_far(study: optuna.Study) -> TrialOutcome | None:
    """What a resumed study has already."""
    leaders = top(study, 1)
    if not leaders:
        return None
    row = leaders[0]
    return TrialOutcome(row.number, row.state, row.value, row.seconds or 0.0, row.params)


def _store(study: str) -> Store:
    try:
        workspace.home().mkdir(parents=True, exist_ok=True)
        return open_store(workspace.tracking_uri(), study, workspace.artifact_root())
    except TrackingError as error:
        raise BackendUnreachable(f"the MLflow store does not answer: {error}") from None
    except OSError as error:
        raise InputError(f"the workspace {workspace.home()} cannot be written: {error.strerror}") from None


def _begin(looked: Looked, study: optuna.Study, store: Store) -> str:
    """The sweep's own run in MLflow: made with the study, taken up again by a resume."""
    config, source = looked.config, looked.request.source
    described = DataDescription(source.short_name, looked.found.digest, config.dataset)
    options = config.model_dump(mode="json", exclude_none=True, exclude={"jobs", "time_budget", "enqueue", "trials"})
    tags: dict[str, object] = {f"version.{name}": version(name) for name in _PACKAGES}
    tags |= {
        "trials": config.trials,
        "jobs": config.jobs,
        "objective": looked.found.objective.metric,
    } | _commit()
    rows = {f"rows.{part}": n for part, n in looked.found.rows.items()}
    known = study.user_attrs.get(PARENT_RUN)
    run_id = begin_sweep(store, known, options | rows, tags, described)
    study.set_user_attr(PARENT_RUN, run_id)
    return run_id


def _commit() -> dict[str, object]:
    """The git commit of the current folder, where it is in a repository."""
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": found.stdout.strip()}


def _end(study: optuna.Study, store: Store, parent: str, outcome: str) -> None:
    """Close the sweep's run with its counts, leaderboard and winner."""
    now, leaders = status(study), top(study, 10)
    winner: Mapping[str, object] = {}
    metrics: dict[str, float] = {}
    if leaders:
        winner = {"trial": leaders[0].number, "run_id": leaders[0].run_id or ""}
        metrics = {f"best_{now.objective}": leaders[0].value or 0.0}
    board = [vars(row) for row in leaders]
    end_sweep(store, parent, outcome, board, now.trials, winner, metrics)
