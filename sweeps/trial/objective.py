"""The objective: one trial, from the asking of its hyperparameters to its logged model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import keras_tuner
import optuna

from sweeps.data import Dataset
from sweeps.data.target_for_loss import for_model
from sweeps.model import keras_state
from sweeps.model.signature import outputs_by_name
from sweeps.report.curves import draw
from sweeps.space.hyperparameters import SuggestedHyperParameters, draw_epochs
from sweeps.space.narrowing import narrowings_of
from sweeps.space.resolve import build, explain, resolve
from sweeps.study.attributes import (
    AFTER,
    CONTINUES,
    EPOCH,
    EPOCHS,
    MODEL_SHA256,
    MODEL_URI,
    N_PARAMS,
    PARAMS,
    PREPARED,
    TRAINED,
)
from sweeps.study.claims import claims_of
from sweeps.study.draft import Draft, Repeated
from sweeps.system import worker_process
from sweeps.training import as_tensors, clear_session
from sweeps.trial.callbacks import make_callbacks
from sweeps.trial.epochs import EpochWatch
from sweeps.trial.fit_options import Fitting
from sweeps.trial.fit_rows import ROWS, named_example, prepared
from sweeps.trial.plan import EpochReport, TrialPlan
from sweeps.trial.resume import ResumableFit, TrialProgress
from tracking import TrialRun
from tracking.models import log_model
from tracking.store import SHA256


class TrialOverdue(Exception):
    """The trial takes longer than it may."""


def objective(
    trial: optuna.Trial, plan: TrialPlan, data: Dataset, run: TrialRun, seed: int, progress: TrialProgress
) -> float:
    """The best value of the objective's metric over the trial's epochs.

    Raises:
        NothingNew: the study has tried every point that was drawn.
    """
    data = plan.fitting.target_of(data)
    space = keras_state.settle(plan.keras, plan.space, lambda: resolve(plan.space, data.spec, plan.fitting.metrics))
    draft = Draft(trial, plan.study, claims_of(plan.study.journal.parent).turn)
    while True:
        try:
            return _drawn_and_trained(trial, draft, plan, space, data, run, seed, progress)
        except Repeated:
            clear_session()
            draft.redraw()


def _drawn_and_trained(
    trial: optuna.Trial,
    draft: Draft,
    plan: TrialPlan,
    space: keras_tuner.HyperModel,
    data: Dataset,
    run: TrialRun,
    seed: int,
    progress: TrialProgress,
) -> float:
    """See `objective`.

    Raises:
        Repeated: the study has tried the point that was drawn; nothing was trained or stored.
    """
    seconds: dict[str, float] = {}
    keras.utils.set_random_seed(seed)
    is_grid = plan.study.sampler == "grid"
    narrowings = narrowings_of(plan.set, space)
    firsts = getattr(trial.study.sampler, "firsts", None)
    hp = SuggestedHyperParameters(trial, narrowings, is_grid, plan.ambiguous, plan.space_version, firsts)
    begun = time.monotonic()
    try:
        with _clock(seconds, "build"):
            model = build(space, hp)
            data = for_model(data, model)
            trained_on: int | None = trial.user_attrs.get(EPOCHS)
            epochs = draw_epochs(hp, plan.epochs, trained_on) if plan.draws_epochs else trained_on or plan.epochs
        draft.check()

        def tell(epoch: int, value: float | None) -> None:
            draft.store()  # of a space that trains without `model.fit`
            worker_process.send("sweep", EpochReport(trial.number, epoch, epochs, value))
            if plan.trial_timeout and time.monotonic() - begun > plan.trial_timeout and epoch < epochs:
                raise TrialOverdue(plan.overdue)

        watch = EpochWatch(
            trial,
            run,
            plan.objective,
            epochs=epochs,
            params=lambda: hp.active_values,
            tell=tell,
            stopped=worker_process.stop_requested,
            patience=plan.fitting.patience,
            after=int(trial.user_attrs.get(AFTER, 0)),
            compared=CONTINUES not in trial.user_attrs,
        )
        result, example = train(space, hp, model, data, epochs, seed, watch, plan.fitting, progress, draft.settle)
    finally:
        if not draft.repeats:
            draft.store()
            trial.set_user_attr(PARAMS, hp.active_values)
            run.log_params(hp.active_values)
    seconds |= getattr(result, "timings", {})
    with _clock(seconds, "log"):
        best = watch.conclude(model, result)
        _record(trial, plan, run, model, watch, data, example)
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
    progress: TrialProgress,
    begin: Callable[[], None],
) -> tuple[Any, Any]:
    """Let the space fit the model; whatever it does with `model.fit` is done by the fast one, which goes on where
    an earlier attempt stopped.

    Args:
        begin: called before anything is trained.

    Returns:
        What the space's `fit` returns: a History, or a person's own figures; and the first rows that `model.fit` was
        given, None where it gave none to look at.
    """
    model.fit = fit = ResumableFit(model, seed, watch, progress, begin)
    try:
        result = space.fit(
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
    return result, fit.example


def _record(
    trial: optuna.Trial,
    plan: TrialPlan,
    run: TrialRun,
    model: keras.Model,
    watch: EpochWatch,
    data: Dataset,
    example: Any,
) -> None:
    """Log the model with its best weights, the learning curves and the trial's summary figures.

    Args:
        example: rows that the model was fed; None: it is tried with those of the data.
    """
    example, output = example_of(
        run, model, keras.tree.map_structure(_head, data.train.x) if example is None else example
    )
    if example is not None and (inputs := prepared(example, data.train.x)) is not None:
        trial.set_user_attr(PREPARED, inputs)
        run.set_tags({PREPARED: "by the space's fit, before the model is trained"})
    logged = log_model(plan.store, run.run_id, model, example, output, trial.user_attrs[PARAMS])
    trial.set_user_attr(EPOCH, watch.best_epoch)
    trial.set_user_attr(MODEL_URI, logged["model_uri"])
    trial.set_user_attr(MODEL_SHA256, logged[SHA256])
    if not watch.compared:
        trial.set_user_attr(TRAINED, watch.epochs_done)
    run.log_text(draw(watch.history), "learning_curves.svg")
    summary: list[str] = []
    model.summary(print_fn=lambda line, **_: summary.append(line))
    run.log_text("\n".join(summary), "model_summary.txt")
    trial.set_user_attr(N_PARAMS, model.count_params())
    figures = {"best_epoch": watch.best_epoch, "n_params": model.count_params()}
    run.log_metrics(figures | {f"best_{plan.objective.metric}": watch.best or 0.0}, step=watch.best_epoch)
    run.set_tags(logged)


def example_of(run: TrialRun, model: keras.Model, example: Any) -> tuple[Any, Any]:
    """The example and what the model makes of it, for the logged model's signature; None and None where it cannot be
    asked: a model is not lost for want of an example."""
    try:
        answer = keras.tree.map_structure(keras.ops.convert_to_numpy, model(as_tensors(example), training=False))
    except Exception as wrong:  # whatever a person's model raises
        run.set_tags({"input_example": f"left out, since the model does not take it: {explain(wrong)}"})
        return None, None
    return named_example(model, keras.tree.map_structure(_as_trained, example)), outputs_by_name(model, answer)


def _as_trained(column: Any) -> Any:
    """Keras casts floats, and nothing else."""
    return column.astype(keras.config.floatx()) if column.dtype.kind == "f" else column


def _head(column: Any) -> Any:
    return column[:ROWS]


@contextlib.contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
