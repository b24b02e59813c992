"""One trial, from the asking of its hyperparameters to its logged model: what a worker runs as one task."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import time
import traceback
from collections.abc import Iterator
from typing import Any

import keras
import optuna
from optuna.trial import TrialState

from sweeps import narrowing, worker
from sweeps.curves import draw
from sweeps.data import Dataset, Part, load
from sweeps.hyperparameters import SuggestedHyperParameters
from sweeps.plan import EpochReport, TrialOutcome, TrialPlan
from sweeps.spaces import build, resolve
from sweeps.study import EPOCH, ERROR, MODEL_URI, PARAMS, RUN_ID, SEED, trial_seed
from sweeps.training import fit
from sweeps.watch import EpochWatch, TrialInterrupted
from tracking import TrialRun
from tracking.models import log_model


def run_trial(plan: TrialPlan, draw: int) -> TrialOutcome:
    """Ask the study for a trial, run it, tell how it ended.

    Args:
        draw: which task of the sweep this is; seeds the sampler.
    """
    worker.log_to(plan.study.journal.parent / "workers.log")
    study = plan.study.open(draw)
    exhausted: list[bool] = []
    # a sampler that has walked all of its grid calls this
    study.stop = lambda: exhausted.append(True)  # type: ignore[method-assign]
    trial = study.ask()
    started = time.perf_counter()
    state, value, error = _attempt(trial, plan, draw)
    params = trial.user_attrs.get(PARAMS, trial.params)
    # last of all: a trial that counts has nothing left to lose
    study.tell(trial, value if state == "COMPLETE" else None, _STATES[state])
    keras.utils.clear_session()
    seconds = time.perf_counter() - started
    return TrialOutcome(trial.number, state, value, seconds, params, error, bool(exhausted))


_STATES = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAIL,
    "INTERRUPTED": TrialState.FAIL,
}


def _attempt(trial: optuna.Trial, plan: TrialPlan, draw: int) -> tuple[str, float | None, str | None]:
    """Run the objective in a tracked run; the state it ended in, the value, and the error's text."""
    seed = trial_seed(plan.study.seed, trial.number)
    tags = {"seed": str(seed), "worker": f"{socket.gethostname()}:{os.getpid()}"}
    with TrialRun(plan.store, plan.parent_run, trial.number, tags) as run:
        trial.set_user_attr(RUN_ID, run.run_id)
        trial.set_user_attr(SEED, seed)
        try:
            value = objective(trial, plan, run, seed, draw)
        except optuna.TrialPruned:
            run.state = "PRUNED"
            return "PRUNED", None, None
        except TrialInterrupted as stop:
            run.state = "INTERRUPTED"
            return "INTERRUPTED", None, _remember(trial, run, str(stop))
        except Exception as error:  # whatever a user's model raises fails this trial, not the sweep
            run.log_text(traceback.format_exc(), "error.txt")
            return "FAIL", None, _remember(trial, run, f"{type(error).__name__}: {error}")
        run.state = "COMPLETE"
        return "COMPLETE", value, None


def _remember(trial: optuna.Trial, run: TrialRun, error: str) -> str:
    trial.set_user_attr(ERROR, error)
    run.set_tags({"error": error[:500]})
    return error


def objective(trial: optuna.Trial, plan: TrialPlan, run: TrialRun, seed: int, draw: int) -> float:
    """The best value of the objective's metric over the trial's epochs."""
    seconds: dict[str, float] = {}
    data = load(plan.source)
    space = resolve(plan.space, data.spec)
    keras.utils.set_random_seed(seed)
    hp = SuggestedHyperParameters(
        trial, tuple(map(narrowing.parse_narrowing, plan.set)), plan.study.sampler == "grid", plan.ambiguous
    )
    with _clock(seconds, "build"):
        model = build(space, hp)
    model.fit = functools.partial(fit, model, seed=seed)
    watch = EpochWatch(
        trial,
        run,
        plan.objective,
        plan.epochs,
        params=lambda: hp.active_values,
        tell=lambda epoch, value: _tell(EpochReport(trial.number, epoch, plan.epochs, value, draw)),
        stopped=worker.stop_requested,
    )
    history = space.fit(
        hp,
        model,
        data.train.x,
        data.train.y,
        sample_weight=data.train.sample_weight,
        validation_data=_as_tuple(data.validation),
        epochs=plan.epochs,
        callbacks=[watch],
        verbose=0,
    )
    seconds |= getattr(history, "timings", {})
    del model.fit
    with _clock(seconds, "log"):
        watch.restore_best(model)
        _record(trial, plan, run, hp, model, watch, data)
    run.log_metrics({f"seconds_{name}": value for name, value in seconds.items()}, step=plan.epochs)
    assert watch.best is not None
    return watch.best


def _record(
    trial: optuna.Trial,
    plan: TrialPlan,
    run: TrialRun,
    hp: SuggestedHyperParameters,
    model: keras.Model,
    watch: EpochWatch,
    data: Dataset,
) -> None:
    """Log the model with its best weights and the trial's summary figures."""
    example = keras.tree.map_structure(lambda column: column[:3], data.validation.x)
    output = keras.tree.map_structure(keras.ops.convert_to_numpy, model(example, training=False))
    uri = log_model(plan.store, run.run_id, model, example, output, hp.active_values)
    trial.set_user_attr(PARAMS, hp.active_values)
    trial.set_user_attr(EPOCH, watch.best_epoch)
    trial.set_user_attr(MODEL_URI, uri)
    run.log_text(draw(watch.history), "learning_curves.svg")
    summary: list[str] = []
    model.summary(print_fn=lambda line, **_: summary.append(line))
    run.log_text("\n".join(summary), "model_summary.txt")
    run.log_metrics(
        {
            f"best_{plan.objective.metric}": watch.best or 0.0,
            "best_epoch": watch.best_epoch,
            "n_params": model.count_params(),
        },
        step=watch.best_epoch,
    )
    run.set_tags({"model_uri": uri})


def _as_tuple(part: Part) -> tuple[Any, ...]:
    """The rows as Keras takes validation data."""
    return (part.x, part.y) if part.sample_weight is None else (part.x, part.y, part.sample_weight)


@contextlib.contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _tell(report: Any) -> None:
    """Send an epoch's report to whoever watches the sweep; outside of a worker nobody does."""
    from distributed import get_worker

    with contextlib.suppress(ValueError):
        get_worker().log_event("sweep", vars(report))
