"""One trial, from the asking of its hyperparameters to its logged model: what a worker runs as one task."""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import optuna
from optuna.trial import TrialState

from sweeps import narrowing, worker
from sweeps.curves import draw
from sweeps.data import Dataset, load
from sweeps.hyperparameters import SuggestedHyperParameters
from sweeps.plan import EpochReport, TrialOutcome, TrialPlan
from sweeps.spaces import build, explain, resolve
from sweeps.study import EPOCH, ERROR, MODEL_URI, PARAMS, RUN_ID, trial_seed
from sweeps.training import as_tensors, fit
from sweeps.watch import EpochWatch, TrialInterrupted
from tracking import TrialRun
from tracking.models import log_model, save_model

_STATES = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAIL,
    "INTERRUPTED": TrialState.FAIL,
}


def run_trial(plan: TrialPlan, draw: int, data: Dataset | None) -> TrialOutcome:
    """Ask the study for a trial, run it, tell how it ended.

    Args:
        draw: which task of the sweep this is; seeds the sampler.
        data: what was sent to this worker; None: it loads what the plan names.
    """
    worker.log_to(plan.study.journal.parent / "workers.log")
    study = plan.study.open(draw)
    exhausted: list[bool] = []
    # a sampler that has walked all of its grid calls this
    study.stop = lambda: exhausted.append(True)  # type: ignore[method-assign]
    trial = study.ask()
    started = time.perf_counter()
    state, value, error = _attempt(trial, plan, data or load(plan.source), draw)
    params = trial.user_attrs.get(PARAMS, trial.params)
    # last of all: a trial that counts has nothing left to lose
    study.tell(trial, value if state == "COMPLETE" else None, _STATES[state])
    keras.utils.clear_session()
    seconds = time.perf_counter() - started
    return TrialOutcome(trial.number, state, value, seconds, params, error, bool(exhausted))


def _attempt(trial: optuna.Trial, plan: TrialPlan, data: Dataset, draw: int) -> tuple[str, float | None, str | None]:
    """Run the objective in a tracked run; the state it ended in, the value, and the error's text."""
    seed = trial_seed(plan.study.seed, trial.number)
    tags = {"seed": str(seed), "worker": f"{socket.gethostname()}:{os.getpid()}"}
    with TrialRun(plan.store, plan.parent_run, trial.number, tags) as run:
        trial.set_user_attr(RUN_ID, run.run_id)
        try:
            value = objective(trial, plan, data, run, seed, draw)
        except optuna.TrialPruned:
            run.state = "PRUNED"
            return "PRUNED", None, None
        except TrialInterrupted as stop:
            run.state = "INTERRUPTED"
            return "INTERRUPTED", None, _remember(trial, run, str(stop))
        except Exception as error:  # whatever a user's model raises fails this trial, not the sweep
            run.log_text(traceback.format_exc(), "error.txt")
            return "FAIL", None, _remember(trial, run, explain(error))
        run.state = "COMPLETE"
        return "COMPLETE", value, None


def _remember(trial: optuna.Trial, run: TrialRun, error: str) -> str:
    trial.set_user_attr(ERROR, error)
    run.set_tags({"error": error[:500]})
    return error


def objective(trial: optuna.Trial, plan: TrialPlan, data: Dataset, run: TrialRun, seed: int, draw: int) -> float:
    """The best value of the objective's metric over the trial's epochs."""
    seconds: dict[str, float] = {}
    keras.utils.set_random_seed(seed)
    space = resolve(plan.space, data.spec)
    narrowings = tuple(map(narrowing.parse_narrowing, plan.set))
    hp = SuggestedHyperParameters(trial, narrowings, plan.study.sampler == "grid", plan.ambiguous)

    def tell(epoch: int, value: float) -> None:
        _tell(EpochReport(trial.number, epoch, plan.epochs, value, draw))

    watch = EpochWatch(trial, run, plan.objective, plan.epochs, lambda: hp.active_values, tell, worker.stop_requested)
    try:
        with _clock(seconds, "build"):
            model = build(space, hp)
        result = train(space, hp, model, data, plan.epochs, seed, watch)
    finally:
        trial.set_user_attr(PARAMS, hp.active_values)
        run.log_params(hp.active_values)
    seconds |= getattr(result, "timings", {})
    with _clock(seconds, "log"):
        best = watch.conclude(model, result)
        _record(trial, plan, run, model, watch, data)
    run.log_metrics({f"seconds_{name}": value for name, value in seconds.items()}, step=plan.epochs)
    return best


def rehearse() -> None:
    """Train, call and save a model of no consequence: what TensorFlow and MLflow put off until they are first
    used (0.8 s) is done before the first trial."""
    inputs = keras.Input((4,), dtype="uint8")
    hidden = keras.layers.Dense(2, activation="relu")(keras.layers.Rescaling(0.5)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.zeros((40, 4), "uint8"), np.zeros(40, "int32")
    fit(model, x, y, validation_data=(x, y), epochs=2, verbose=0, seed=0, jit=False)
    with tempfile.TemporaryDirectory(prefix="sweeps-model-") as folder:
        save_model(Path(folder), model, x[:3], model(x[:3]).numpy())
    keras.utils.clear_session()


def train(
    space: keras_tuner.HyperModel,
    hp: keras_tuner.HyperParameters,
    model: keras.Model,
    data: Dataset,
    epochs: int,
    seed: int,
    watch: EpochWatch,
) -> Any:
    """Let the space fit the model; whatever it does with `model.fit` is done by the fast one.

    Returns:
        What the space's `fit` returns: a History, or a person's own figures.
    """
    model.fit = functools.partial(fit, model, seed=seed)
    rest = (data.validation.sample_weight,) if data.validation.sample_weight is not None else ()
    weights = {"sample_weight": data.train.sample_weight} if data.train.sample_weight is not None else {}
    try:
        return space.fit(
            hp,
            model,
            data.train.x,
            data.train.y,
            validation_data=(data.validation.x, data.validation.y, *rest),
            epochs=epochs,
            callbacks=[watch],
            verbose=0,
            **weights,
        )
    finally:
        del model.fit


def _record(
    trial: optuna.Trial, plan: TrialPlan, run: TrialRun, model: keras.Model, watch: EpochWatch, data: Dataset
) -> None:
    """Log the model with its best weights, the learning curves and the trial's summary figures."""
    example = keras.tree.map_structure(lambda column: column[:3], data.validation.x)
    output = keras.tree.map_structure(keras.ops.convert_to_numpy, model(as_tensors(example), training=False))
    uri = log_model(plan.store, run.run_id, model, example, output, trial.user_attrs[PARAMS])
    trial.set_user_attr(EPOCH, watch.best_epoch)
    trial.set_user_attr(MODEL_URI, uri)
    run.log_text(draw(watch.history), "learning_curves.svg")
    summary: list[str] = []
    model.summary(print_fn=lambda line, **_: summary.append(line))
    run.log_text("\n".join(summary), "model_summary.txt")
    figures = {"best_epoch": watch.best_epoch, "n_params": model.count_params()}
    run.log_metrics(figures | {f"best_{plan.objective.metric}": watch.best or 0.0}, step=watch.best_epoch)
    run.set_tags({"model_uri": uri})


@contextlib.contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


def _tell(report: EpochReport) -> None:
    """Send an epoch's report to whoever watches the sweep; outside of a worker nobody does."""
    from distributed import get_worker

    with contextlib.suppress(ValueError):
        get_worker().log_event("sweep", vars(report))
