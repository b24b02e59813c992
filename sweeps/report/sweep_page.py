"""What MLflow shows of a sweep: the description of its run and its experiment, leaderboard, picture and metrics."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from itertools import accumulate

import optuna
from optuna.trial import FrozenTrial

from sweeps.errors import SweepError
from sweeps.report.history import draw_history
from sweeps.study import baselines, confirmation, pareto, results
from sweeps.study.attributes import IDENTITY, PARENT_RUN
from sweeps.study.importance import by_importance
from sweeps.study.leaderboard import TRIAL, leaderboard, number
from sweeps.study.markdown import sentence
from sweeps.study.results import Best
from sweeps.study.trial_name import trial_name
from sweeps.study.view import StudyView
from tracking import Store, SweepResults
from tracking.views import NOTE_LENGTH, TrialsView, artifact, charts_page, run_page, show_experiment, trials_page

#: names of artifacts
LEADERBOARD, HISTORY, FRONT = "leaderboard.csv", "history.svg", "pareto.json"
#: trials in the leaderboard, and hyperparameters that the trials' table and chart show
_TOP, _PARAMS = 10, 8


def results_of(study: optuna.Study, store: Store, parent: str) -> SweepResults:
    """What a sweep has come to, for its run.

    Args:
        parent: the id of that run.
    """
    view = StudyView(study)
    tags: dict[str, object] = {"states": _states(view)}
    texts, metrics = dict[str, str](), _baselines(view)
    if (winner := _winner(view)) is not None:
        numbered = "default" if winner.trial is None else winner.trial
        tags |= {"winner.trial": numbered, "winner.run_id": winner.run_id}
    if leaders := view.ranked():
        ended = sorted(leaders, key=_end)
        best = _best_so_far(view, ended)
        metrics += [(f"best_{view.objective.metric}", best[at], at + 1, _end(ended[at])) for at in _changes(best)]
        texts = {LEADERBOARD: _csv(view)}
        if len(ended) > 1:
            texts[HISTORY] = draw_history([trial.value or 0.0 for trial in ended], best, view.objective.metric)
    if front := pareto.rows(study):
        tags["pareto"] = ", ".join(str(one["trial"]) for one in front)
        texts[FRONT] = json.dumps(front, indent=2)
    return SweepResults(tags, note(view, store, parent), texts, metrics)


def show(study: optuna.Study, store: Store) -> None:
    """Describe the study's experiment, and save the view of its trials; see `tracking.views`.

    Raises:
        TrackingError: the store cannot be written.
    """
    view, parent = StudyView(study), str(study.user_attrs.get(PARENT_RUN))
    metric = view.objective.metric
    losses = ("val_loss", "loss") if metric.startswith("val_") else ("loss",)
    trials = TrialsView(
        name="Trials, best first",
        score=f"best_{metric}",
        ascending=view.objective.direction == "minimize",
        params=by_importance(view)[:_PARAMS],
        tags=("state", "best_epoch", "train_seconds", "n_params"),
        curves=tuple(dict.fromkeys((metric, metric.removeprefix("val_"), *losses))),
    )
    show_experiment(store, trials, note(view, store, parent))


def note(view: StudyView, store: Store, parent: str) -> str:
    """A description of the sweep in Markdown: its best, its ten best trials, and their history."""
    best = _winner(view)
    told = [*_head(view, store, best), *_front(view), *_sure(view, best)]
    ending = _ending(view, store, parent)
    for rows in range(_TOP, 0, -1):  # MLflow would cut a longer one off in the middle
        text = "\n\n".join([*told, *_table(view, store, rows), *ending])
        if len(text) <= NOTE_LENGTH:
            return text
    return "\n\n".join([*told, *ending])[:NOTE_LENGTH]


def _winner(view: StudyView) -> Best | None:
    """None where no trial is complete, or the confirmation is damaged, as `sweeps best` says."""
    try:
        return results.best(view)
    except SweepError:
        return None


def _head(view: StudyView, store: Store, best: Best | None) -> list[str]:
    identity: Mapping[str, object] = view.user_attrs.get(IDENTITY, {})
    searched = f"Space `{identity.get('space')}` on `{identity.get('dataset')}`"
    now = results.status(view)
    counted = f"{_states(view)}; {now.epochs_spent:,} epochs trained"
    if now.epochs_saved:
        counted += f", {now.epochs_saved:,} saved by pruning"
    if best is None:
        return [f"No winner yet: {view.objective.metric} is {view.objective.direction}d.", f"{searched}: {counted}."]
    name = best.name if best.trial is None else _name(view, best.trial)
    found = f"**{best.objective} {number(best.value)}**: [{_plain(name)}]({run_page(store, best.run_id)})"
    return [f"{found}, epoch {best.epoch}", f"{searched}: {counted}."]


def _front(view: StudyView) -> list[str]:
    """The Pareto front of a study of several objectives."""
    if not (said := pareto.sentence(view)):
        return []
    listed = ", ".join(f"#{trial.number}" for trial in pareto.front(view))
    return [f"{_plain(said)}: {listed}."]


def _sure(view: StudyView, best: Best | None) -> list[str]:
    """How sure the winner is, and what it is to be compared with."""
    if best is None:
        return []
    said = confirmation.sentence(best.confirmation, view.study_name)
    return [sentence(one) for one in (said, *baselines.sentences(view))]


def _table(view: StudyView, store: Store, rows: int) -> list[str]:
    """The best trials, each with a link to its run, and the hyperparameters that differ."""
    leaders = results.top(view, rows)
    if not leaders:
        return []
    board, runs = leaderboard(view, leaders), {row.number: row.run_id for row in leaders}
    # MLflow's page leaves no room between the columns
    lines = [_row([f"{name}&ensp;" for name in board.columns]), _row(["---"] * len(board.columns))]
    for row in board.rows:
        cells = [_plain(text) for text in board.texts(row, board.columns)]
        if run_id := runs[row[TRIAL]]:
            cells[board.columns.index(TRIAL)] = f"[#{row[TRIAL]}]({run_page(store, run_id)})"
        lines.append(_row(cells))
    same = [f"{board.said_of_same}."] if board.said_of_same else []
    return ["\n".join(lines), *same]


def _ending(view: StudyView, store: Store, parent: str) -> list[str]:
    pages = f"[All trials, best first]({trials_page(store)}) · [as charts]({charts_page(store)})"
    if len(view.ranked()) < 2:
        return [pages]
    return [f"![The value of each trial, and the best so far]({artifact(parent, HISTORY)})", pages]


def _baselines(view: StudyView) -> list[tuple[str, float, int, int]]:
    rows = baselines.baselines(view)
    return [(f"baseline_{row.name}", row.value, 0, 0) for row in rows if row.value is not None]


def _best_so_far(view: StudyView, ended: Sequence[FrozenTrial]) -> list[float]:
    return list(
        accumulate((trial.value or 0.0 for trial in ended), max if view.objective.direction == "maximize" else min)
    )


def _changes(best: Sequence[float]) -> list[int]:
    """Where the best so far has changed, and its end: of a long sweep not each trial is a point."""
    return [at for at, value in enumerate(best) if at in (0, len(best) - 1) or value != best[at - 1]]


def _csv(view: StudyView) -> str:
    """The leaderboard with a column for each hyperparameter."""
    leaders = results.top(view, _TOP)
    board, text = leaderboard(view, leaders), io.StringIO()
    columns = [*board.columns, *(name for name in board.same if name not in board.columns), "run_id"]
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, "run_id": leader.run_id} for row, leader in zip(board.rows, leaders, strict=True))
    return text.getvalue()


def _states(view: StudyView) -> str:
    """`18 COMPLETE, 2 PRUNED`."""
    return ", ".join(f"{count:,} {state}" for state, count in results.status(view).counts.items())


def _name(view: StudyView, trial: int) -> str:
    return next((trial_name(one) for one in view.get_trials() if one.number == trial), f"#{trial}")


def _end(trial: FrozenTrial) -> int:
    """When it ended, in milliseconds since 1970."""
    assert trial.datetime_complete is not None
    return int(trial.datetime_complete.timestamp() * 1000)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that Markdown does not take for its own."""
    return "".join(f"\\{letter}" if letter in "\\|[]*_`<>" else letter for letter in text)
