"""The confirmation of a study: what `confirmation.json` in its folder, and in its sweep's MLflow run, holds.

The file is the JSON of a `Confirmation`; its keys are the attributes below. It exists once all runs of the confirmation
have ended. `test` is null until the test rows were looked at, and for data without test rows.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import optuna

from sweeps.errors import CorruptStore
from sweeps.study.attributes import MODEL_URI
from sweeps.study.kept_models import having_models
from sweeps.study.study import objective_of
from sweeps.system import paths
from sweeps.system.commands import hint

#: 95 % limits, the lower one first
Interval = list[float]


@dataclass(frozen=True)
class Finalist:
    """A configuration that was trained again.

    Attributes:
        trial: its trial in the study; None for a default configuration that the search has not completed.
        default: it is the default configuration of the space.
        params: its hyperparameters.
        search_value: the value of its trial.
        values: the objective of each repetition, in the order of `Confirmation.seeds`; None for one that failed.
        runs: the MLflow run of each.
        mean, interval: of the values, with the t-interval; None if a repetition failed.
        difference, difference_interval: paired, to the default configuration, above 0 if this one is better; None for
            the default itself, and where either has a failed repetition.
        optimism: how much better `search_value` is than `mean`.
        n_params: the number of the model's weights; None if no repetition has ended.
        seconds: of a repetition, on average.
        error: why a repetition failed.
    """

    trial: int | None
    default: bool
    params: dict[str, Any]
    search_value: float | None
    values: list[float | None]
    runs: list[str | None]
    mean: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    optimism: float | None = None
    n_params: int | None = None
    seconds: float | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        """In messages: `trial 7`, `trial 0 (default)`, `default`."""
        if self.trial is None:
            return "default"
        return f"trial {self.trial}" + " (default)" * self.default


@dataclass(frozen=True)
class Confirmation:
    """The finalists of a study, trained again, and the winner among them.

    Attributes:
        study, objective, direction, epochs: of the study.
        method: "seeds": each repetition trains on the training rows of the study with another seed; "folds": each
            trains on the training and validation rows without one fold, which validates.
        seeds: of the repetitions.
        top: how many trials are finalists, beside the default configuration.
        rows: how many "train", "validation" and "test" rows the study has.
        finalists: the trials by their value in the search, best first; a default that is not among them is the last.
        winner: the index in `finalists`.
        verdict: of the winner against the default configuration: "better": the 95 % interval of the difference is above
            0; "tie": it is not, or the winner is the default; None: there is no default.
        conclusion: all that in a line or two.
        run_id, model_uri: the MLflow run and the model of the winner, which is what `sweeps export` exports.
        seconds: that the repetitions took, all together.
        test: what the winner's model reaches on the test rows: "looks", how often they were looked at for this study,
            and the figures that `sweeps.confirm.figures` lists; None: not looked at.
        test_note: why not.
    """

    study: str
    objective: str
    direction: str
    epochs: int
    method: Literal["seeds", "folds"]
    seeds: list[int]
    top: int
    rows: dict[str, int]
    finalists: list[Finalist]
    winner: int
    verdict: Literal["better", "tie"] | None
    conclusion: str
    run_id: str
    model_uri: str
    seconds: float = 0.0
    test: dict[str, Any] | None = None
    test_note: str = ""

    @property
    def best(self) -> Finalist:
        """The winner."""
        return self.finalists[self.winner]

    def to_json(self) -> str:
        """The text of `confirmation.json`."""
        return json.dumps(asdict(self), indent=2, allow_nan=False, ensure_ascii=False) + "\n"

    def summary(self) -> dict[str, Any]:
        """What `sweeps best --json` and the manifest of an export say of it."""
        of_winner = ("default", "mean", "interval", "difference", "difference_interval", "optimism")
        return {
            "verdict": self.verdict,
            "conclusion": self.conclusion,
            "method": self.method,
            "repetitions": len(self.seeds),
            **{name: value for name, value in asdict(self.best).items() if name in of_winner},
            "test": self.test,
        }


def sentence(summary: Mapping[str, Any] | None, study: str) -> str:
    """What is said of a winner in a line.

    Args:
        summary: of its confirmation; None: it has none.
    """
    if summary is None:
        return f"not confirmed: the value is the best of many; new seeds tell more: {hint('confirm', study)}"
    low, high = summary["interval"]
    return (
        f"confirmed on {summary['repetitions']} {summary['method']}: {summary['mean']:.4f} on average "
        f"(95 %: {low:.4f} to {high:.4f}); {summary['conclusion']}"
    )


def load(study: str) -> Confirmation | None:
    """The confirmation of a study; None if it has none.

    Raises:
        CorruptStore: its file is damaged.
    """
    file = paths.confirmation(study)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        finalists = [Finalist(**each) for each in document.pop("finalists")]
        return Confirmation(**document, finalists=finalists)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptStore(f"{file} is damaged: {error}\nRemove it; {hint('confirm', study)} makes it again") from None


def protected_models(study: str, registered: Collection[str]) -> frozenset[str]:
    """The URIs of models that stay whatever their trial's rank: of the confirmed winner, and of registered models.

    Args:
        registered: the URIs of the logged models that these are.

    Raises:
        CorruptStore: the file of the confirmation is damaged.
    """
    confirmed = load(study)
    return frozenset({*registered, confirmed.model_uri} if confirmed else registered)


def current(study: optuna.Study) -> Confirmation | None:
    """The confirmation of a study, unless the study has got other finalists since; None if it has none."""
    found = load(study.study_name)
    if found is None:
        return None
    trials = study.get_trials(deepcopy=False)
    ranked = objective_of(study).ranked(trials)
    leaders = {trial.number for trial in ranked[: found.top]}
    winners = [trial for trial in ranked if trial.number == found.best.trial]
    # it may be of a former study of this name; of a winner whose model was not kept it is that of a repetition
    models = [trial.user_attrs.get(MODEL_URI) for trial in having_models(study, winners)]
    is_here = found.best.trial is None or (bool(winners) and models in ([], [found.model_uri]))
    return found if is_here and leaders <= {finalist.trial for finalist in found.finalists} else None
