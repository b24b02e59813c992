"""The figures of a study: what they draw, from whatever names the study, and what they say without anything to draw."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from support import Workspace
from synthetic import synthetic_study

import sweeps
from sweeps import plots
from sweeps.errors import BackendUnreachable, InputError
from sweeps.plots.source import GREEN, OUTLIERS
from sweeps.plots.timeline import schedule
from sweeps.study.attributes import CONTINUES, PARENT_RUN
from sweeps.study.view import StudyView
from tracking import Store, epoch_curves, find_store

FIGURES = [getattr(plots, name) for name in plots.__all__]


@pytest.fixture(scope="module")
def study() -> optuna.Study:
    return synthetic_study(60)


@pytest.fixture
def in_finished(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The current folder is that of the finished sweep; its record."""
    monkeypatch.chdir(finished.folder)
    monkeypatch.delenv("SWEEPS_HOME", raising=False)
    found = find_store(f"sqlite:///{finished.folder}/runs/mlflow.db", "digits-mlp")
    assert found is not None
    return found


@pytest.mark.parametrize("draw", FIGURES)
def test_a_real_sweep_has_each_figure_that_its_trials_are_enough_for(
    in_finished: Store, draw: Callable[[str], Any]
) -> None:
    if draw is plots.pareto:
        pytest.skip("it has one objective")
    few = (
        {plots.importance}
        if len(sweeps.Result("digits-mlp").study.get_trials(states=(TrialState.COMPLETE,))) < 4
        else ()
    )
    if draw in few:
        pytest.skip("fewer than 4 COMPLETE trials")
    figure = draw("digits-mlp")
    assert figure.data
    assert figure.to_json()


def test_a_name_a_result_and_a_study_give_the_same_figure(in_finished: Store) -> None:
    result = sweeps.Result("digits-mlp")
    assert plots.history("digits-mlp") == plots.history(result) == plots.history(result.study)


def test_the_line_of_the_history_ends_at_the_best_value(study: optuna.Study) -> None:
    figure = plots.history(study)
    (line,) = [trace for trace in figure.data if trace.mode == "lines"]
    assert line.y[-1] == study.best_value
    assert len(figure.data[0].y) == len(study.get_trials(states=(TrialState.COMPLETE,)))


def test_slices_are_of_the_asked_hyperparameters_and_by_default_of_those_that_vary(study: optuna.Study) -> None:
    names = {axis.title.text for axis in plots.slices(study).select_xaxes()}
    assert names == {"n_hidden", "activation", "optimizer", "learning_rate", "momentum"}
    assert plots.slices(study, ["n_hidden"]).layout.xaxis.title.text == "n_hidden"


def test_the_contour_is_of_the_most_important_one_and_another(study: optuna.Study) -> None:
    figure = plots.contour(study)
    assert "learning_rate" in {figure.layout.xaxis.title.text, figure.layout.yaxis.title.text}


def test_lines_of_parallel_coordinates_stay_few_and_good_ones_stand_out() -> None:
    study = synthetic_study(300, pruned=0, failed=0)
    lines = [trace for trace in plots.parallel(study).data if trace.mode == "lines"]
    assert len(lines) == 100
    best, worst = (choose(lines, key=lambda line: line.y[0]).line.color for choose in (max, min))
    assert best == "rgb(245, 158, 11)"
    assert worst == "rgb(148, 163, 184)"


def test_each_pruned_trial_has_a_cross_where_it_ended(study: optuna.Study) -> None:
    pruned = study.get_trials(states=(TrialState.PRUNED,))
    (crosses,) = [trace for trace in plots.intermediate(study).data if trace.name == "pruned here"]
    assert list(crosses.x) == [trial.last_step for trial in pruned]
    assert list(crosses.customdata) == [trial.number for trial in pruned]


def test_the_best_trial_stands_out_among_the_intermediate_values(study: optuna.Study) -> None:
    (best,) = [trace for trace in plots.intermediate(study).data if trace.line.color == GREEN]
    assert list(best.y) == list(study.best_trial.intermediate_values.values())


def test_learning_curves_are_those_of_mlflow(in_finished: Store) -> None:
    result = sweeps.Result("digits-mlp")
    drawn = {(trace.name, trace.line.dash, trace.yaxis): list(trace.y) for trace in plots.curves(result, n=1).data}
    recorded = epoch_curves(in_finished, result.best.run_id)
    number = f"trial {result.best.trial}"
    for name, dash, axis in (("accuracy", "solid", "y"), ("val_accuracy", "dash", "y"), ("val_loss", "dash", "y2")):
        assert drawn[number, dash, axis] == [entry.value for entry in recorded[name]]


def test_trials_of_one_slot_do_not_overlap_and_pauses_are_cut_out(study: optuna.Study) -> None:
    found = schedule(StudyView(study))
    assert found.slots == 4
    assert [round(length / 3600, 2) for _, length in found.pauses] == [9.0]
    for slot in range(found.slots):
        bars = sorted((bar.start, bar.end) for bar in found.bars if bar.slot == slot)
        assert all(end <= start + 1e-6 for (_, end), (start, _) in pairwise(bars))
    assert found.wall < 300
    assert 0.8 < found.share <= 1


def test_all_seconds_of_all_slots_are_somewhere(in_finished: Store) -> None:
    view = StudyView(sweeps.Result("digits-mlp").study)
    found = schedule(view)
    figure = plots.seconds(view)
    assert sum(figure.data[0].x) == pytest.approx(found.slots * found.wall, rel=0.02)
    assert "COMPLETE: train" in figure.data[0].y


def test_a_trial_that_trains_another_one_on_is_in_no_figure() -> None:
    study = synthetic_study(10, pruned=0, failed=0)
    longer = study.best_trial
    longer.user_attrs[CONTINUES] = 0
    longer.values = [2.0]
    study.add_trial(longer)
    assert max(plots.history(study).data[0].y) < 1
    assert len(schedule(StudyView(study)).bars) == 10


def test_outliers_leave_the_axis_to_the_others() -> None:
    study = synthetic_study(40, "val_rmse", "minimize", pruned=0)
    assert plots.history(study).layout.meta is None
    wild = study.trials[0]
    wild.values = [1e12]
    study.add_trial(wild)
    figure = plots.history(study)
    assert figure.layout.meta == OUTLIERS
    assert figure.layout.yaxis.range[1] < 1e6


@pytest.mark.parametrize("draw", FIGURES)
def test_without_a_trial_that_ended_well_it_says_what_is_missing(draw: Callable[[optuna.Study], Any]) -> None:
    study = synthetic_study(5, failed=1, others={"n_params": "minimize"})
    if draw in (plots.timeline, plots.seconds):
        assert draw(study).data
        return
    with pytest.raises(InputError, match=r"COMPLETE trial|no trial with an epoch"):
        draw(study)


def test_a_record_out_of_reach_is_said(here: Any) -> None:
    study = synthetic_study(5)
    study.set_user_attr(PARENT_RUN, "0" * 32)
    for draw in (plots.curves, plots.seconds):
        with pytest.raises(BackendUnreachable, match="has no experiment 'synthetic'"):
            draw(study)


@pytest.mark.parametrize(
    ("params", "said"),
    [(["units"], "hyperparameter: one of activation, .* is wanted, got 'units'"), (["n_hidden"], "2 hyperparameters")],
)
def test_hyperparameters_that_cannot_be_drawn_are_refused(study: optuna.Study, params: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plots.contour(study, params)


@pytest.mark.parametrize("others", [{"n_params": "minimize"}, {"n_params": "minimize", "latency_ms": "minimize"}])
def test_the_front_is_apart_from_the_other_trials_and_from_those_beyond_a_constraint(others: dict[str, str]) -> None:
    study = synthetic_study(40, pruned=0, failed=0, others=others)
    beyond = study.get_trials(deepcopy=False)[7]
    beyond.set_constraint("n_params<=5", 1.0)
    drawn = {trace.name: trace for trace in plots.pareto(study).data}
    assert list(drawn["beyond the constraints"].y) == [beyond.value]
    best = sorted(drawn["Pareto front"].y, reverse=True)
    assert best == list(drawn["Pareto front"].y)
    if len(others) == 1:  # the better, the larger
        sizes = list(drawn["Pareto front"].x)
        assert sizes == sorted(sizes, reverse=True)
    assert sum(len(trace.x) for trace in drawn.values()) == 40
    with pytest.raises(InputError, match="pareto: several objectives are needed, study 'synthetic' has one"):
        plots.pareto(synthetic_study(5))
