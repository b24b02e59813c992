"""The objective: one trial, from the asking of its hyperparameters to its logged model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import keras
import keras_tuner
import optuna

from sweeps import keras_state, worker
from sweeps.attempts import AFTER, EPOCHS, TRAINED
from sweeps.callbacks import make_callbacks
from sweeps.claims import claims_of
from sweeps.curves import draw
from sweeps.data import Dataset
from sweeps.fitting import Fitting
from sweeps.hyperparameters import SuggestedHyperParameters, draw_epochs
from sweeps.narrowing import narrowings_of
from sweeps.plan import EpochReport, TrialPlan
from sweeps.resumable import Progress, ResumableFit
from sweeps.signature import named_answer
from sweeps.spaces import build, resolve
from sweeps.study import CONTINUES, EPOCH, MODEL_SHA256, MODEL_URI, PARAMS
from sweeps.training import as_tensors
from sweeps.watch import EpochWatch
from tracking import TrialRun
from tracking.models import SHA256, log_model


class TrialOverdue(Exception):
    """The trial takes longer than it may."""


def objective(
    trial: optuna.Trial, plan: TrialPlan, data: Dataset, run: TrialRun, seed: int, progress: Progress
) -> float:
    """The best value of the objective's metric over the trial's epochs."""
    seconds: dict[str, float] = {}
    keras.utils.set_random_seed(seed)
    data = plan.fitting.target_of(data)
    space = keras_state.settle(plan.keras, plan.space, lambda: resolve(plan.space, data.spec, plan.fitting.metrics))
    narrowings = narrowings_of(plan.set, space)
    is_grid = plan.study.sampler == "grid"
    hp = SuggestedHyperParameters(trial, narrowings, is_grid, plan.ambiguous, plan.space_version)

    begun = time.monotonic()
    try:
        # two that draw from a grid at once would draw the same
        drawing = claims_of(plan.study.journal.parent).turn() if is_grid else contextlib.nullcontext()
        with drawing, _clock(seconds, "build"):
            model = build(space, hp)
            trained_on: int | None = trial.user_attrs.get(EPOCHS)
            epochs = draw_epochs(hp, plan.epochs, trained_on) if plan.draws_epochs else trained_on or plan.epochs

        def tell(epoch: int, value: float) -> None:
            worker.send("sweep", EpochReport(trial.number, epoch, epochs, value))
            if plan.trial_timeout and time.monotonic() - begun > plan.trial_timeout and epoch < epochs:
                raise TrialOverdue(plan.overdue)

        watch = EpochWatch(
            *(trial, run, plan.objective, epochs, lambda: hp.active_values, tell, worker.stop_requested),
            patience=plan.fitting.patience,
            after=int(trial.user_attrs.get(AFTER, 0)),
        )
        watch.compared = CONTINUES not in trial.user_attrs
        result = train(space, hp, model, data, epochs, seed, watch, plan.fitting, progress)
    finally:
        trial.set_user_attr(PARAMS, hp.active_values)
        run.log_params(hp.active_values)
    seconds |= getattr(result, "timings", {})
    with _clock(seconds, "log"):
        best = watch.conclude(model, result)
        _record(trial, plan, run, model, watch, data)
    run.log_metrics({f"seconds_{name}": value for name, value in seconds.items()}, step=epochs)
    return best


def train(
    space: keras_tuner.HyperModel,
    hp: keras_tuner.HyperParameters,
    model: keras.Model,
    data: Dataset,
    epochs: int,
    seed: int,
    watch: EpochWatch,
    fitting: Fitting,
    progress: Progress,
) -> Any:
    """Let the space fit the model; whatever it does with `model.fit` is done by the fast one, which goes on where
    an earlier attempt stopped.

    Returns:
        What the space's `fit` returns: a History, or a person's own figures.
    """
    model.fit = ResumableFit(model, seed, watch, progress)
    try:
        return space.fit(
            hp,
            model,
            data.train.x,
            data.train.y,
            epochs=epochs,
            # the watch is the last: it records what a person's own callbacks have put into the logs
            callbacks=[*make_callbacks(fitting.callbacks), watch],
            verbose=0,
            **fitting.data_arguments(data),
        )
    finally:
        del model.fit


def _record(
    trial: optuna.Trial, plan: TrialPlan, run: TrialRun, model: keras.Model, watch: EpochWatch, data: Dataset
) -> None:
    """Log the model with its best weights, the learning curves and the trial's summary figures."""
    example = keras.tree.map_structure(lambda column: column[:3], data.validation.x)
    answer = keras.tree.map_structure(keras.ops.convert_to_numpy, model(as_tensors(example), training=False))
    output = named_answer(model, answer)
    logged = log_model(plan.store, run.run_id, model, example, output, trial.user_attrs[PARAMS])
    trial.set_user_attr(EPOCH, watch.best_epoch)
    trial.set_user_attr(MODEL_URI, logged["model_uri"])
    trial.set_user_attr(MODEL_SHA256, logged[SHA256])
    if not watch.compared:
        trial.set_user_attr(TRAINED, watch.seen)
    run.log_text(draw(watch.history), "learning_curves.svg")
    summary: list[str] = []
    model.summary(print_fn=lambda line, **_: summary.append(line))
    run.log_text("\n".join(summary), "model_summary.txt")
    figures = {"best_epoch": watch.best_epoch, "n_params": model.count_params()}
    run.log_metrics(figures | {f"best_{plan.objective.metric}": watch.best or 0.0}, step=watch.best_epoch)
    run.set_tags(logged)


@contextlib.contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
