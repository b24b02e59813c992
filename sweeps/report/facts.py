"""What a report says in words and tables, read from the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import TrialState
from scipy.stats import binomtest

from sweeps.errors import InputError
from sweeps.plots.timeline import schedule
from sweeps.study import baselines, results
from sweeps.study.attributes import CUT_SHORT, DATA, ERROR, IDENTITY, INTERRUPTION
from sweeps.study.confirmation import Confirmation
from sweeps.study.confirmed import COLUMNS, between, cells, failures, said_of_test
from sweeps.study.leaderboard import cell, duration, leaderboard, number
from sweeps.study.markdown import sentence
from sweeps.study.results import Best
from sweeps.study.view import StudyView
from tracking import SweepFacts

#: trials in the leaderboard
_TOP = 20


@dataclass(frozen=True)
class Table:
    """Cells as text; `numbers` are the columns that are aligned at the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True)
class Compared:
    """Something that the winner is compared with."""

    name: str
    value: str
    difference: str


@dataclass(frozen=True)
class Card:
    """The winner: what it is, how good, and how sure that is."""

    title: str
    value: str
    origin: str
    sure: Sequence[str]
    warnings: Sequence[str]
    params: Sequence[tuple[str, str]]
    compared: Sequence[Compared] = field(default_factory=tuple)


def card(view: StudyView, rows: Mapping[str, int], confirmed: Confirmation | None = None) -> Card:
    """The winner's card.

    Args:
        rows: of the "train", "validation" and "test" parts, as far as they are known.
        confirmed: the study's confirmation; its winner is the study's.

    Raises:
        InputError: no trial is COMPLETE.
    """
    best = results.best(view)
    value, about = best.value, f"epoch {best.epoch}; {view.objective.metric} is {view.objective.direction}d"
    sure = _unconfirmed(value, view, rows)
    fronts: list[dict[str, Any]] = [one["values"] for one in best.pareto or () if one["trial"] == best.trial]
    costs = next(iter(fronts), {})
    about += "".join(f"; {name} {cell(cost)}" for name, cost in costs.items() if name in view.objective.others)
    if confirmed is not None and confirmed.best.mean is not None:
        value, sure = confirmed.best.mean, _confirmed(confirmed)
        about = f"mean of {len(confirmed.seeds)} {confirmed.method}; {about}"
    said = baselines.sentences(view)
    return Card(
        title="Winner, confirmed" if confirmed else "Winner",
        value=number(value),
        origin=f"{best.name}, {about}",
        sure=sure,
        warnings=[sentence for sentence in said if not sentence.startswith("baselines (")],
        params=[(name, cell(param)) for name, param in best.params.items()],
        compared=[*_default(value, view, best.trial, confirmed), *_baselines(value, best, view)],
    )


def _unconfirmed(value: float, view: StudyView, rows: Mapping[str, int]) -> list[str]:
    said = []
    count, metric = rows.get("validation", 0), view.objective.metric
    if metric.startswith("val_") and metric.endswith("accuracy") and count and 0 <= value <= 1:
        interval = binomtest(round(value * count), count).proportion_ci(method="wilson")
        said.append(
            f"On {count:,} validation rows a model that scores {value:.4f} lies between {interval.low:.4f} and "
            f"{interval.high:.4f} (95 %, Wilson)."
        )
    if (trials := len(view.ranked())) > 1:
        said.append(
            f"Not confirmed: it is the best of {trials} values on the same validation rows, so on new rows it is "
            f"likely to be worse. New seeds tell more: sweeps confirm {view.study_name}"
        )
    return said


def _confirmed(found: Confirmation) -> list[str]:
    best = found.best
    said = [f"95 % interval {between(best.interval)}. {sentence(found.conclusion)}"]
    if best.search_value is not None and best.optimism is not None:
        flattered = f"{'better' if best.optimism > 0 else 'worse'} by {number(abs(best.optimism))}"
        said.append(f"In the search it had {number(best.search_value)}, {flattered}.")
    tested = said_of_test(found)
    return [*said, sentence(tested)]


def _default(value: float, view: StudyView, winner: int | None, confirmed: Confirmation | None) -> list[Compared]:
    """The default configuration: in the confirmation, or else in the search."""
    if confirmed is not None:
        default = next((finalist for finalist in confirmed.finalists if finalist.default), None)
        if default is None or default.mean is None:
            return []
        said = "it itself" if confirmed.best.default else _difference(value, default.mean, view)
        return [Compared("default configuration", number(default.mean), said)]
    row = results.default_trial(view)
    if row is None or row.value is None:
        return []
    said = "it itself" if row.number == winner else _difference(value, row.value, view)
    return [Compared("default configuration", number(row.value), said)]


def _baselines(value: float, best: Best, view: StudyView) -> list[Compared]:
    return [
        Compared(row.name.replace("_", " "), number(row.value), _difference(value, row.value, view))
        for row in best.baselines
        if row.value is not None
    ]


def finalists(found: Confirmation) -> Table:
    """The finalists of a confirmation."""
    rows = [cells(finalist, index == found.winner) for index, finalist in enumerate(found.finalists)]
    text = (
        f"Each was trained again on {len(found.seeds)} {found.method}; the winner (*) is chosen by these runs alone. "
        "± is for 95 %, differences are paired, optimism is how much the search flattered."
    )
    return Table(COLUMNS, rows, frozenset(COLUMNS[1:]), " ".join((text, *failures(found))))


def _difference(value: float, other: float, view: StudyView) -> str:
    """How the winner compares, in the metric's own unit."""
    if value == other:
        return "equal"
    return f"{'better' if view.objective.better(value, other) else 'worse'} by {number(abs(value - other))}"


def tiles(view: StudyView) -> list[tuple[str, str]]:
    """The figures in a row: trials by state, epochs, time."""
    now = results.status(view)
    counts = [(name.lower(), f"{count:,}") for name, count in now.counts.items()]
    of = "" if now.total is None else f" of {now.total:,}"
    found = [("trials", f"{sum(now.trials.values()):,}{of}"), *counts]
    found.append(("epochs trained", f"{now.epochs_spent:,}"))
    if now.infeasible:
        found.append(("beyond constraints", f"{now.infeasible:,}"))
    if now.epochs_saved:
        found.append(("saved by pruning", f"{now.epochs_saved:,}"))
    try:
        ran = schedule(view)
    except InputError:
        return found
    return [*found, ("time", duration(ran.wall)), ("at once", str(ran.slots)), ("slots busy", f"{ran.share:.0%}")]


def board(view: StudyView) -> Table:
    """The best trials, with the hyperparameters that differ."""
    rows = results.top(view, _TOP)
    found = leaderboard(view, rows)
    complete = len(view.ranked())
    keeping = " that keep the constraints" if results.status(view).infeasible else ""
    which = f"The best {len(rows)} of {complete}" if complete > len(rows) else "All"
    text = f"{which} COMPLETE trials{keeping}."
    if found.said_of_same:
        text += f" {found.said_of_same}."
    shown = [found.texts(row, found.columns) for row in found.rows]
    numbers = frozenset(name for name in found.columns if all(_is_number(row.get(name)) for row in found.rows))
    return Table(found.columns, shown, numbers, text)


def errors(view: StudyView) -> Table:
    """Why trials failed, the most frequent reason first; those that were interrupted have not failed."""
    states = view.get_trials(states=(TrialState.FAIL,))
    failed = [trial for trial in states if trial.user_attrs.get(CUT_SHORT) != INTERRUPTION]
    reasons = Counter(str(trial.user_attrs.get(ERROR, "no reason is recorded")) for trial in failed)
    first = {str(trial.user_attrs.get(ERROR, "no reason is recorded")): trial.number for trial in reversed(failed)}
    rows = [[f"{count:,}", str(first[reason]), reason] for reason, count in reasons.most_common(10)]
    return Table(("trials", "first", "reason"), rows, frozenset(("trials", "first")))


def facts(view: StudyView, recorded: SweepFacts) -> list[tuple[str, str]]:
    """What the figures are of: the data, the space, versions."""
    identity: Mapping[str, Any] = view.user_attrs.get(IDENTITY, {})
    listed = [
        ("data", f"{identity.get('dataset', '')}, digest {identity.get('digest', '')}"),
        ("task", str(view.user_attrs.get(DATA, {}).get("task") or "")),
        ("rows", ", ".join(f"{count:,} {part}" for part, count in rows_of(recorded).items())),
        ("space", str(identity.get("space", ""))),
        ("seed", str(identity.get("seed", ""))),
        ("narrowed", ", ".join(identity.get("set", ()))),
        ("git commit", recorded.tags.get("mlflow.source.git.commit", "")),
        ("versions", _versions(recorded.tags)),
    ]
    return [(name, value) for name, value in listed if value]


def rows_of(recorded: SweepFacts) -> dict[str, int]:
    """How many rows each part of the data has; empty where the record does not say."""
    found = {name.removeprefix("rows."): value for name, value in recorded.params.items() if name.startswith("rows.")}
    return {part: int(count) for part, count in found.items() if count.isdecimal()}


def _versions(tags: Mapping[str, str]) -> str:
    if "versions" in tags:
        return tags["versions"]
    begin = "version."  # of earlier versions
    return ", ".join(f"{name.removeprefix(begin)} {tags[name]}" for name in sorted(tags) if name.startswith(begin))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
