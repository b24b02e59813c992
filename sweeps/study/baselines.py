"""The baselines of a study: what models without a search reach on the same split, beside the best trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from sweeps.study import study as studies
from sweeps.study.attributes import BASELINES

#: baselines that look at no input
TRIVIAL = ("majority_class", "mean")


@dataclass(frozen=True)
class BaselineRow:
    """One baseline; its fields are those of `sweeps status --json` and `sweeps best --json`.

    Attributes:
        name: "majority_class", "mean", "logistic_regression", "ridge" or "gradient_boosting".
        value: of the objective's metric on the validation rows, the mean over the folds if there are some; None if
            there is none.
        seconds: to fit and score.
        reason: why there is no value; None if there is one.
    """

    name: str
    value: float | None
    seconds: float
    reason: str | None


def baselines(study: optuna.Study) -> list[BaselineRow]:
    """The baselines in the study's metric; empty if none were computed."""
    metric = studies.objective_of(study).metric
    return [_row(found, metric) for found in study.user_attrs.get(BASELINES, ())]


def _row(found: Mapping[str, Any], metric: str) -> BaselineRow:
    value = found["scores"].get(score_name(metric))
    reason = found["reason"]
    if value is None and reason is None:
        reason = f"baselines have no {metric}"
    return BaselineRow(found["name"], value, found["seconds"], reason)


def score_name(metric: str) -> str:
    """The name under which baselines keep a metric: `val_accuracy` and `val_output_accuracy` are "accuracy".

    A metric of the training rows has none, since baselines are scored on the validation rows: "".
    """
    name = metric.removeprefix("val_")
    return "" if name == metric else name.removeprefix("output_")


def sentences(study: optuna.Study) -> list[str]:
    """What a person is told about the baselines: their values, and where the best trial is not above them."""
    rows = baselines(study)
    if not rows:
        return []
    objective = studies.objective_of(study)
    found = [(row, row.value) for row in rows if row.value is not None]
    if not found:
        return [f"no baselines: {rows[0].reason}"]
    values = [f"{_words(row)} {value:.4f}" for row, value in found]
    skipped = [f"{_words(row)} skipped ({row.reason})" for row in rows if row.value is None]
    said = [f"baselines ({objective.metric}): {', '.join(values + skipped)}"]
    ranked = objective.ranked(study.get_trials(deepcopy=False))
    if not ranked or (best := ranked[0].value) is None:
        return said
    trivial = next((pair for pair in found if pair[0].name in TRIVIAL), None)
    if trivial is not None and not objective.better(best, trivial[1]):
        said.append(_no_better_than_trivial(*trivial, objective.metric))
    above = [(row, value) for row, value in found if row.name not in TRIVIAL and objective.better(value, best)]
    said += [f"the best trial ({best:.4f}) is worse than {_words(row)} ({value:.4f})" for row, value in above]
    return said


def _no_better_than_trivial(row: BaselineRow, value: float, metric: str) -> str:
    said = f"{value:.4f} is what the {_words(row)} alone gives, and no trial is better"
    if metric.endswith("accuracy"):
        said += ": this objective cannot tell trials apart; for rare classes try --objective val_auc"
    return said


def _words(row: BaselineRow) -> str:
    return row.name.replace("_", " ")
