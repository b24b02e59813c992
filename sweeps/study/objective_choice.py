"""What is searched for: a metric of the epochs' logs, and its direction, as `--objective` names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sweeps.errors import InputError
from sweeps.study.figures import FIGURES, neither_metric_nor_figure, range_of
from sweeps.study.study import Objective

#: how a metric of the training rows is asked for, which is no good measure: `accuracy:train`
TRAIN = "train"
#: objectives at most
_MOST = 3
_DIRECTIONS = {"min": "minimize", "max": "maximize"}
_MAXIMIZED = ("accuracy", "auc", "precision", "recall", "f1", "fbeta", "r2", "iou", "cosine_similarity")
_MINIMIZED = ("loss", "rmse", "mae", "mse", "error", "mape", "msle", "crossentropy", "kl")


def parse_objective(asked: str) -> tuple[str, str | None, bool]:
    """The metric, its direction where that is given, and whether it may be one of the training rows.

    `NAME`, `NAME:min`, `NAME:max`, each with `:train` before or after the direction; a name may hold colons itself.
    """
    metric, direction, train = asked, None, False
    while (ending := metric.rpartition(":"))[0]:
        if ending[2] == TRAIN and not train:
            train = True
        elif ending[2] in _DIRECTIONS and direction is None:
            direction = _DIRECTIONS[ending[2]]
        else:
            break
        metric = ending[0]
    return metric, direction, train


def choose_objective(asked: str | None, target: str, logs: Mapping[str, float]) -> Objective:
    """The metric to search by, and its direction.

    Args:
        asked: as `parse_objective` takes it. None for the data's own: val_accuracy, for regression val_rmse, where a
            metric bears that name; of a model with several outputs that of the one called "output".
        logs: one epoch's logs; the metrics that there are.

    Raises:
        InputError: no metric bears the name, its direction is not known, or it is of the training rows.
    """
    if asked is None:
        name = "rmse" if target == "regression" else "accuracy"
        wanted = (f"val_{name}", f"val_output_{name}")  # the second of a model with several outputs
        asked = next((metric for metric in wanted if metric in logs), "val_loss")
    metric, direction, train = (asked, None, False) if asked in logs else parse_objective(asked)
    if metric not in logs:
        if metric in FIGURES:
            raise InputError(
                f"objective: {metric} is known at a trial's end; its epochs are compared by the first objective\n"
                f"Put a metric of the logs before it: --objective NAME --objective {asked}"
            )
        name = metric.rpartition(":")[0]
        if name in logs:
            raise InputError(f"objective: NAME, NAME:min or NAME:max is wanted, got {asked!r}")
        raise no_such_metric(metric, logs)
    if f"val_{metric}" in logs and not train:
        raise InputError(
            f"objective: {metric!r} is measured on the rows that a trial trains on; use val_{metric}\n"
            f"Where that is meant: {metric}:{TRAIN}"
        )
    direction = direction or _usual_direction(metric)
    if direction is None:
        raise InputError(
            f"objective: whether {metric!r} is to grow or to fall is not known; say {metric}:max or {metric}:min"
        )
    return Objective(metric, direction)


def choose_objectives(asked: Sequence[str], target: str, logs: Mapping[str, float]) -> Objective:
    """The metric to search by, with what is searched for beside it.

    Args:
        asked: see `choose_objective` for the first; the others may name figures of `sweeps.study.figures`, too.

    Raises:
        InputError: see there.
    """
    found = choose_objective(next(iter(asked), None), target, logs)
    others = {}
    for one in asked[1:]:
        metric, direction, _ = parse_objective(one)
        if metric in FIGURES and metric not in logs:
            others[metric] = direction or "minimize"
            continue
        if not {one, metric, metric.rpartition(":")[0]} & logs.keys():
            raise neither_metric_nor_figure("objective", metric, logs)
        other = choose_objective(one, target, logs)
        others[other.metric] = other.direction
    return replace(found, others=others)


def check_objectives(asked: Sequence[str]) -> None:
    """Raises:
    InputError: there are too many of them, or one comes twice.
    """
    if len(asked) > _MOST:
        raise InputError(
            f"--objective: at most {_MOST} are wanted, got {len(asked)}; of more, hardly any trial is beaten in all\n"
            "Let the others be constraints: --constraint 'NAME<=NUMBER'"
        )
    names = [parse_objective(one)[0] for one in asked]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"--objective: {name!r} is asked for {names.count(name)} times; once is wanted")


def check_reachable(objective: Objective, value: float | None) -> None:
    """Raises:
    InputError: the objective cannot have that value.
    """
    low, high = range_of(objective.metric)
    if value is not None and not low <= value <= high:
        raise InputError(f"--stop-at: {objective.metric} is a number of {low:g}..{high:g}, got {value:g}")


def no_such_metric(metric: str, there: Mapping[str, float]) -> InputError:
    """The error for an objective that no metric bears."""
    return InputError(f"objective: no metric is named {metric!r}; there are {', '.join(sorted(there))}")


def _usual_direction(metric: str) -> str | None:
    name = metric.lower()
    if name.endswith(("loss", "error")):  # the loss of an output that is called "accuracy", too
        return "minimize"
    if any(part in name for part in _MAXIMIZED):
        return "maximize"
    return "minimize" if any(part in name for part in _MINIMIZED) else None
