"""The objective: one trial, from the asking of its hyperparameters to its logged model."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import keras
import keras_tuner
import optuna

from sweeps.data import Dataset
from sweeps.data.target_for_loss import for_model
from sweeps.model import keras_state
from sweeps.space.hyperparameters import SuggestedHyperParameters, draw_epochs
from sweeps.space.narrowing import narrowings_of
from sweeps.space.resolve import build, resolve
from sweeps.study.attributes import AFTER, CONTINUES, EPOCHS, FIGURES, PARAMS, SKIPPED
from sweeps.study.constraints import broken
from sweeps.study.draft import Repeated
from sweeps.study.figures import TRAIN_SECONDS
from sweeps.study.trial_name import trial_name
from sweeps.system import worker_process
from sweeps.training import clear_session
from sweeps.trial.callbacks import make_callbacks
from sweeps.trial.epochs import EpochWatch
from sweeps.trial.figures import hold_to, sizes
from sweeps.trial.fit_options import Fitting
from sweeps.trial.plan import TrialPlan
from sweeps.trial.proxies import RunProxy, TrialProxy
from sweeps.trial.record import record
from sweeps.trial.resume import ResumableFit, TrialProgress
from sweeps.trial.rounds import Round
from tracking.reading import SECONDS


class TrialOverdue(Exception):
    """The trial takes longer than it may."""


class _Clock:
    """How long a trial takes, and the parts of it.

    Attributes:
        seconds: by part.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._begun = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the trial began."""
        return time.monotonic() - self._begun

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """The block is a part of this name."""
        started = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - started  # type: ignore[assignment]


def objective(
    trial: TrialProxy, plan: TrialPlan, data: Dataset, run: RunProxy, seed: int, progress: TrialProgress
) -> float:
    """The best value of the objective's metric over the trial's epochs; with several rounds, of its mean over them.

    Raises:
        NothingNew: the study has tried every point that was drawn.
    """
    data = plan.fitting.target_of(data)
    clock = _Clock()
    for index, epochs in enumerate(progress.rounds):  # an earlier attempt has trained them
        _watch(trial, plan, run, progress, index, plan.epochs, dict, lambda *_: None).record(epochs)
    while True:
        try:
            value = _next_round(trial, plan, data, run, seed, progress, clock)
        except Repeated:
            clear_session()
            trial.redraw()
            continue
        if value is not None:
            return value
        clear_session()


def _next_round(
    trial: TrialProxy,
    plan: TrialPlan,
    data: Dataset,
    run: RunProxy,
    seed: int,
    progress: TrialProgress,
    clock: _Clock,
) -> float | None:
    """Train the trial's model in the first round that it has not had.

    Returns:
        See `objective`; None where another round follows.

    Raises:
        Repeated: the study has tried the point that was drawn; nothing was trained or stored.
    """
    index = len(progress.rounds)
    seed = plan.rounds.seed(seed, index)
    data = plan.rounds.data(data, index, plan.study.seed)
    space = keras_state.settle(plan.keras, plan.space, lambda: resolve(plan.space, data.spec, plan.fitting.metrics))
    keras.utils.set_random_seed(seed)
    is_grid = plan.study.sampler == "grid"
    narrowings = narrowings_of(plan.set, space)
    hp = SuggestedHyperParameters(
        trial, narrowings, is_grid, plan.ambiguous, plan.space_version, trial.firsts, trial.known
    )
    try:
        with clock.part("build"):
            model = build(space, hp)
            data = for_model(data, model)
            trained_on: int | None = trial.user_attrs.get(EPOCHS)
            epochs = draw_epochs(hp, plan.epochs, trained_on) if plan.draws_epochs else trained_on or plan.epochs
        trial.check()
        if broken(plan.constraints, sizes(model)):
            trial.settle()
            _end_if_too_large(trial, plan, run, model)

        def tell(epoch: int, value: float | None) -> None:
            trial.store()  # of a space that trains without `model.fit`
            if epoch == 1 and index == 0:  # of a model that had no weights before
                _end_if_too_large(trial, plan, run, model)
            done, most = index * epochs + epoch, len(plan.rounds) * epochs
            trial.tell_epoch(done, most, value)
            if plan.trial_timeout and clock.elapsed > plan.trial_timeout and done < most:
                raise TrialOverdue(plan.overdue)

        watch = _watch(trial, plan, run, progress, index, epochs, lambda: hp.active_values, tell)
        run.rename(trial_name(trial, hp.active_values))
        result, example = train(space, hp, model, data, epochs, seed, watch, plan.fitting, progress, trial.settle)
    finally:
        if not trial.repeats:
            trial.store()
            trial.set_user_attr(PARAMS, hp.active_values)
            run.log_params(hp.active_values)
            run.rename(trial_name(trial, hp.active_values))
    clock.seconds.update(getattr(result, "timings", {}))
    with clock.part("log"):
        best = watch.conclude(model, result)
        if watch.round.remaining:
            watch.prune(f"pruned after {watch.round.name}")
            progress.end_round(watch.epochs_trained)
            return None
        progress.keep = record(trial, plan, run, model, watch, data, example)
    parts = {name: round(value, 4) for name, value in clock.seconds.items()}
    asked_for = trial.user_attrs.get(FIGURES, {}).get(TRAIN_SECONDS)
    run.set_tags({SECONDS: json.dumps(parts), TRAIN_SECONDS: asked_for or parts.get("train", 0.0)})
    return best


def _end_if_too_large(trial: TrialProxy, plan: TrialPlan, run: RunProxy, model: keras.Model) -> None:
    """Raises: optuna.TrialPruned: the model breaks a constraint on its size, whatever it learns."""
    if said := hold_to(trial, run, plan.constraints, sizes(model)):
        raise optuna.TrialPruned(said)


def _watch(
    trial: TrialProxy,
    plan: TrialPlan,
    run: RunProxy,
    progress: TrialProgress,
    index: int,
    epochs: int,
    params: Callable[[], dict[str, Any]],
    tell: Callable[[int, float | None], None],
) -> EpochWatch:
    """The watch of a round.

    Args:
        epochs: how many it has, at most.
        params, tell: see `EpochWatch`.
    """
    former, begun = progress.rounds[:index], index * plan.epochs
    if skipped := begun - sum(map(len, former)):
        trial.set_user_attr(SKIPPED, skipped)
    return EpochWatch(
        trial,
        run,
        plan.objective,
        epochs=epochs,
        params=params,
        tell=tell,
        stopped=worker_process.stop_requested,
        patience=plan.fitting.patience,
        after=int(trial.user_attrs.get(AFTER, 0)),
        compared=CONTINUES not in trial.user_attrs,
        timed=TRAIN_SECONDS in plan.figures,
        round=Round(plan.rounds.name(index), former, begun, len(plan.rounds) - index - 1),
    )


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
