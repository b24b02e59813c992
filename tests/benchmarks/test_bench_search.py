"""`make bench-search`: searches on looked-up trainings, their winners, regrets and tables."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from click.testing import CliRunner
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from rich.console import Console

from benchmarks.records import Machine
from benchmarks.search import judge, lcbench, tables
from benchmarks.search.__main__ import main
from benchmarks.search.by_keras_tuner import KerasTunerSearch, bayesian_optimization, hyperband, random_search
from benchmarks.search.by_optuna import of_optuna, of_this_project
from benchmarks.search.methods import METHODS, Method
from benchmarks.search.portfolio import greedy, learned_without
from benchmarks.search.records import BUDGETS, COSTS, FIGURES, Kept, Results, Score
from benchmarks.search.task import Curves, Params, draw
from benchmarks.search.trajectory import Tried, incumbent, tried

FOLDER = os.environ.get(lcbench.VARIABLE)
MISSING = lcbench.missing(FOLDER)


class Hill:
    """A task whose accuracy is highest where `rate` is `top`, and grows to its end in each training."""

    space: dict[str, BaseDistribution]

    def __init__(self, top: float, epochs: int = 9) -> None:
        self.name, self.top, self.epochs = f"hill {top}", top, epochs
        self.space = {"rate": FloatDistribution(0, 1), "width": IntDistribution(1, 8, log=True)}
        self.defaults: Params = {"rate": 0.5, "width": 2}

    def curves(self, configurations: Sequence[Params]) -> Curves:
        height = np.array([1 - (params["rate"] - self.top) ** 2 for params in configurations])[:, None]
        epoch = np.arange(1, self.epochs + 1)
        accuracy = height * epoch / self.epochs
        return Curves(accuracy, 2 - accuracy, accuracy / 2, np.ones_like(height) * epoch)


def trial(accuracy: float, epochs: int = 10, loss: float = 1.0, complete: bool = True) -> Tried:
    return Tried(epochs=epochs, seconds=epochs / 2, accuracy=accuracy, loss=loss, test=0.5, complete=complete)


def test_a_winner_is_complete_affordable_and_of_equal_ones_that_of_the_lowest_loss() -> None:
    trials = [trial(0.5), trial(0.9, 2, complete=False), trial(0.6, loss=2.0), trial(0.6), trial(0.7)]
    assert incumbent(trials, "epochs", 9) is None
    assert incumbent(trials, "epochs", 12) == trials[0]
    assert incumbent(trials, "epochs", 32) == trials[3]
    assert incumbent(trials, "epochs", 41.9) == trials[3]
    assert incumbent(trials, "seconds", 21) == trials[4]
    assert incumbent(trials, "trials", 3) == trials[2]


def test_a_trial_has_the_figures_of_its_best_epoch_and_pays_only_for_its_own_epochs() -> None:
    curve = Curves(*(np.array([row], float) for row in ([3, 5, 4, 9], [4, 3, 2, 1], [1, 2, 3, 4], [10, 30, 60, 100])))
    assert tried(curve, 3, complete=False) == Tried(3, 60, accuracy=5, loss=3, test=2, complete=False)
    assert tried(curve, 4, complete=True, after=2) == Tried(2, 70, accuracy=9, loss=1, test=4, complete=True)


def test_a_portfolio_begins_with_the_best_single_configuration_and_adds_what_helps_where_that_is_bad() -> None:
    regrets = np.array([[0.4, 0.0, 1.0, 0.5], [0.4, 1.0, 0.0, 0.5], [0.4, 1.0, 0.9, 0.1]])
    assert greedy(regrets, 3) == [3, 1, 2]


def test_a_portfolio_knows_nothing_of_the_task_that_it_is_for() -> None:
    regrets = np.array([[0.0, 0.9, 0.8], [0.5, 0.1, 0.4], [0.9, 0.2, 0.3]])
    changed = regrets.copy()
    changed[1] = [0.0, 1.0, 1.0]
    assert learned_without(1, regrets, 2) == learned_without(1, changed, 2)
    assert learned_without(0, regrets, 2) != learned_without(0, changed, 2)


def test_this_project_s_search_begins_with_the_portfolio_and_prunes_what_is_behind() -> None:
    task, portfolio = Hill(0.3), [{"rate": 0.3, "width": 2}, {"rate": 0.9, "width": 1}]
    trials = list(itertools.islice(of_this_project("tpe", "median", starts=1)(task, 0, portfolio), 30))
    assert trials[0].accuracy == 1
    assert trials[1].accuracy != pytest.approx(1 - 0.36)
    pruned = [trial for trial in trials if not trial.complete]
    assert pruned
    assert all(0 < trial.epochs < task.epochs for trial in pruned)
    assert trials[2:] != list(itertools.islice(of_this_project("tpe", "median", starts=1)(task, 1, portfolio), 30))[2:]


def test_a_search_on_the_loss_finds_the_lowest() -> None:
    trials = itertools.islice(of_this_project("tpe", "none", loss=True)(Hill(0.3), 0, []), 40)
    assert min(trial.loss for trial in trials) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("oracle", [random_search, bayesian_optimization, hyperband])
def test_keras_tuner_s_oracles_search_the_same_space(oracle: object) -> None:
    search = KerasTunerSearch(oracle)  # type: ignore[arg-type]
    trials = list(itertools.islice(search(Hill(0.3), 0, []), 16))
    assert max(trial.accuracy for trial in trials) > 0.9
    if oracle is hyperband:  # goes on with the best from the epoch where they ended
        assert [trial.epochs for trial in trials[:13]] == [1] * 9 + [2] * 3 + [6]
        assert trials[12].accuracy == max(trial.accuracy for trial in trials[:13])
    else:
        assert {trial.epochs for trial in trials} == {9}


def test_searches_are_judged_until_each_budget_is_spent_and_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    judged = judge.prepare([Hill(0.2), Hill(0.8)], configurations=200)
    assert judged[0].portfolio[0]["rate"] == pytest.approx(0.8, abs=0.02)  # learned on the other
    file = tmp_path / "kept.jsonl"
    method = Method("random", of_this_project("random", "none"))
    trials = judge.search(method, judged[0], seed=0)
    assert len(trials) == max(BUDGETS)
    first = judge.score("random", method, judged, 2, Kept(file))
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4

    def never(*_: object) -> object:
        raise AssertionError("it was run once more")

    assert judge.score("random", Method("random", never), judged, 2, Kept(file)) == first  # type: ignore[arg-type]
    assert mean(first.of("epochs", "accuracy", 60)) < mean(first.of("epochs", "accuracy", 10)) < 0.5
    assert first.of("epochs", "accuracy", 20) == first.of("trials", "accuracy", 20)
    short = judge.score("short", Method("random", of_this_project("random", "none")), judged, 2, Kept(None), (10, 20))
    assert short.regrets["epochs accuracy"] == first.regrets["epochs accuracy"][:2]
    tuned = judge.score("tpe", Method("tpe", of_optuna()), judged, 2, Kept(None))
    assert mean(tuned.of("epochs", "accuracy", 60)) < 0.01


def test_a_search_that_was_half_written_is_run_once_more(tmp_path: Path) -> None:
    file = tmp_path / "kept.jsonl"
    Kept(file).keep("random", "one", 0, [trial(0.5)])
    written = file.read_text(encoding="utf-8")
    file.write_text(written + written[:-9].replace("one", "two"), encoding="utf-8")
    kept = Kept(file)
    assert (kept.get("random", "one", 0), kept.get("random", "two", 0)) == ([trial(0.5)], None)
    kept.keep("random", "two", 0, [trial(0.6)])
    assert Kept(file).get("random", "two", 0) == [trial(0.6)]


def test_what_is_drawn_follows_from_the_seed() -> None:
    space = Hill(0.5).space
    assert draw(space, 3, 0) == draw(space, 3, 0) != draw(space, 3, 1)


def scored(method: str, regrets: tuple[float, ...]) -> Score:
    regrets_by_budget = (regrets,) * len(BUDGETS)
    return Score(method=method, seeds=2, regrets={f"{c} {f}": regrets_by_budget for c in COSTS for f in FIGURES})


def some_results(tasks: int = 34) -> Results:
    names = (tables.REFERENCE, tables.PROPOSED)
    scores = (scored(names[0], (0.2,) * tasks), scored(names[1], (*(0.0,) * (tasks - 2), 0.2, 0.3)))
    return Results(
        machine=Machine(cpu="a processor", cores=2, versions={"optuna": "5.0.0"}),
        tasks=tuple(map(str, range(tasks))),
        floor=0.25,
        scores=scores,
        goals=tables.goals(scores),
        left_out=("something: a reason",),
    )


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = some_results()
    results.save(tmp_path / "results.json")
    assert Results.load(tmp_path / "results.json") == results


def test_tables_tell_means_with_errors_wins_and_goals() -> None:
    shown, results = StringIO(), some_results()
    tables.show(results, Console(file=shown, width=160))
    text = tables.block(results)
    title = METHODS[tables.PROPOSED].title
    assert f"| {title} | 0.01 ± 0.01 | 0.01 ± 0.01 | 0.01 ± 0.01 | 0.01 ± 0.01 | 32 of 34 | 0.01 ± 0.01 |" in text
    assert "| ≥ 30 | 32 | met |" in text
    assert "Left out: something: a reason." in text.splitlines()
    for said in ("32 of 34", "left out: something: a reason"):
        assert said in shown.getvalue()


def test_goals_for_all_tasks_are_not_told_of_some() -> None:
    assert {goal.met for goal in some_results(8).goals} == {None}


def test_the_command_writes_between_its_own_markers(tmp_path: Path) -> None:
    file, page = tmp_path / "results.json", tmp_path / "page.md"
    some_results().save(file)
    page.write_text(
        "<!-- bench -->\n<!-- /bench -->\n<!-- bench-search -->\n<!-- /bench-search -->\n", encoding="utf-8"
    )
    done = CliRunner().invoke(tables.command_of("lcbench"), ["--results", str(file), "--page", str(page)])
    assert done.exit_code == 0, done.output
    assert page.read_text(encoding="utf-8").startswith(
        "<!-- bench -->\n<!-- /bench -->\n<!-- bench-search -->\nLCBench"
    )


def test_without_the_surrogate_the_command_says_what_is_left_out_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lcbench.util, "find_spec", lambda name: object())
    monkeypatch.delenv(lcbench.VARIABLE, raising=False)
    said = CliRunner().invoke(main).output
    assert said == f"left out: LCBench: the folder of its surrogate is not named (${lcbench.VARIABLE})\n"
    said = CliRunner().invoke(main, ["--lcbench", str(tmp_path)]).output
    assert said == f"left out: LCBench: {tmp_path} has no model.onnx\n"


@pytest.mark.skipif(MISSING is not None, reason=f"LCBench: {MISSING}")
def test_the_surrogate_shows_trainings_of_its_34_tasks() -> None:
    assert FOLDER is not None
    tasks = lcbench.tasks(FOLDER)
    assert len(tasks) == 34
    configurations = [tasks[0].defaults | {"weight_decay": 1e-4, "learning_rate": rate} for rate in (1e-4, 1e-2)]
    curves = tasks[-1].curves(configurations)
    for figure in (curves.accuracy, curves.loss, curves.test, curves.seconds):
        assert figure.shape == (2, 50)
    assert 0 < curves.accuracy.min() < curves.accuracy.max() < 1
    # what is trained longer costs more; a rate of 1e-4 learns too slowly
    assert (curves.seconds[:, -1] > 5 * curves.seconds[:, 0]).all()
    assert curves.accuracy[1, -1] > curves.accuracy[0, -1] + 0.05


@pytest.mark.slow
@pytest.mark.skipif(MISSING is not None, reason=f"LCBench: {MISSING}")
def test_the_command_compares_methods_on_the_surrogate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "CONFIGURATIONS", 50)
    output = tmp_path / "results.json"
    arguments = ["--tasks", "2", "--seeds", "1", "--only", tables.REFERENCE, "--only", tables.PROPOSED]
    done = CliRunner().invoke(main, [*arguments, "--output", str(output)])
    assert done.exit_code == 0, done.output
    found = Results.load(output)
    assert found is not None
    assert found.tasks == ("3945", "7593")
    assert [score.method for score in found.scores] == [tables.REFERENCE, tables.PROPOSED]
    assert METHODS[tables.PROPOSED].title in done.output
