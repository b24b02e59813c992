"""What a trial that has come to its end leaves in the study and in its run: model, curves, figures."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import keras

from sweeps.data import Dataset
from sweeps.model.signature import outputs_by_name
from sweeps.report.curves import draw
from sweeps.space.resolve import explain
from sweeps.study.attributes import (
    EPOCH,
    FIGURES,
    MODEL_SHA256,
    MODEL_URI,
    N_PARAMS,
    NO_MODEL,
    PREPARED,
    ROUNDS,
    TRAINED,
)
from sweeps.study.figures import LATENCY_MS, MODEL_BYTES
from sweeps.training import as_tensors
from sweeps.trial.epochs import BadNumber, EpochWatch
from sweeps.trial.figures import figures_of, hold_to
from sweeps.trial.fit_rows import ROWS, named_example, prepared
from sweeps.trial.plan import TrialPlan
from sweeps.trial.proxies import RunProxy, TrialProxy
from tracking import DataDescription, TrialRun
from tracking.models import write_model
from tracking.store import SHA256


def record(
    trial: TrialProxy,
    plan: TrialPlan,
    run: RunProxy,
    model: keras.Model,
    watch: EpochWatch,
    data: Dataset,
    example: Any,
) -> bool:
    """Log the model with its best weights, the learning curves and the trial's summary figures.

    A trial that is not among those that keep their models (`--keep-models`) logs none.

    Args:
        example: rows that the model was fed; None: it is tried with those of the data.

    Returns:
        Whether the trial's last state is to be kept.
    """
    rows = keras.tree.map_structure(_head, data.train.x) if example is None else example
    measured = figures_of(plan.figures, model, watch.final, rows) if plan.figures else {}
    keep_figures(trial, run, plan, measured)
    example, output = example_of(run, model, rows)
    if example is not None and (inputs := prepared(example, data.train.x)) is not None:
        trial.set_user_attr(PREPARED, inputs)
        run.set_tags({PREPARED: "by the space's fit, before the model is trained"})
    trial.set_user_attr(EPOCH, watch.best_epoch)
    kept = trial.kept(watch.best)
    if kept.model is not None:
        with trial.model_place(kept.model) as place:
            logged = write_model(place, model, example, output)
        trial.set_user_attr(MODEL_URI, logged["model_uri"])
        trial.set_user_attr(MODEL_SHA256, logged[SHA256])
        run.set_tags(logged)
    else:
        trial.set_user_attr(MODEL_URI, NO_MODEL)
        run.set_tags({"model": f"not kept: {plan.models_kept} trials are better"})
    if not watch.compared:
        trial.set_user_attr(TRAINED, watch.epochs_done)
    watch.log_means()
    run.log_text(draw(watch.history), "learning_curves.svg")
    summary: list[str] = []
    model.summary(print_fn=lambda line, **_: summary.append(line))
    run.log_text("\n".join(summary), "model_summary.txt")
    n_params = model.count_params()
    trial.set_user_attr(N_PARAMS, n_params)
    # tags: as metrics they would be charts of one point each; of its seconds each epoch has a metric
    costs = {name: measured[name] for name in {MODEL_BYTES, LATENCY_MS} & measured.keys()}
    run.set_tags({"best_epoch": watch.best_epoch, "n_params": n_params} | costs)
    if watch.round.name:
        values = [*zip(map(plan.rounds.name, range(len(plan.rounds))), watch.values, strict=True)]
        trial.set_user_attr(ROUNDS, {"values": dict(values), "std": statistics.stdev(watch.values)})
        run.log_metrics({f"std_{plan.objective.metric}": statistics.stdev(watch.values)}, step=watch.best_epoch)
        run.set_tags({"model_of": watch.round.name})
    _log_best_so_far(run, watch)
    on = DataDescription(plan.source.short_name, data.digest, "")
    run.log_score(f"best_{plan.objective.metric}", watch.best or 0.0, watch.best_epoch, trial.user_attrs[MODEL_URI], on)
    return kept.state


def _log_best_so_far(run: RunProxy, watch: EpochWatch) -> None:
    """The best values before the best one, which make a curve of it."""
    metric, best = watch.objective.metric, None
    for epoch, value in enumerate(watch.history.get(metric, ())[: watch.best_epoch - 1], 1):
        if math.isfinite(value) and watch.objective.better(value, best):
            best = value
            run.log_metrics({f"best_{metric}": value}, step=epoch)


def keep_figures(trial: TrialProxy, run: RunProxy, plan: TrialPlan, measured: Mapping[str, float]) -> None:
    """Let the study know what it asks for beside the objective's value, and which constraints the trial keeps.

    Raises:
        BadNumber: an objective is no finite number.
    """
    for name in plan.objective.others:
        if not math.isfinite(measured[name]):
            raise BadNumber(f"{name} is {measured[name]} at the best epoch; an objective is a finite number")
    if measured:
        trial.set_user_attr(FIGURES, {name: one if math.isfinite(one) else None for name, one in measured.items()})
        hold_to(trial, run, plan.constraints, measured)


def example_of(run: RunProxy | TrialRun, model: keras.Model, example: Any) -> tuple[Any, Any]:
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
