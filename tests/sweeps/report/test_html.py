"""The report as a file: whole with any number of trials, small, and safe whatever names and errors hold."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from support import Workspace
from synthetic import synthetic_study

from sweeps.report import facts, html
from sweeps.study.attributes import ERROR
from sweeps.study.view import StudyView
from tracking import SweepFacts, find_store

RECORDED = SweepFacts({"rows.validation": "359"}, {"version.keras": "3.15.1"})
HOSTILE = "</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """The elements of a page, its text, and what its scripts of data hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text, self.figures = "", ""
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self.links += [str(known[name]) for name in ("src", "href") if name in known]
        self.ids.append(known.get("id") or "")
        self._in = known.get("id") or tag

    def handle_data(self, data: str) -> None:
        if self._in == "figures":
            self.figures += data
        elif self._in not in ("style", "script", "plotly", "templates"):
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._in = ""


def page_of(study: optuna.Study) -> Page:
    return Page(html.render(StudyView(study), "sweeps run synthetic", RECORDED))


@pytest.mark.parametrize("trials", [1, 3, 30])
def test_a_study_of_any_size_has_a_winner_and_says_what_is_not_drawn(here: object, trials: int) -> None:
    study = synthetic_study(trials, pruned=0, failed=0)
    page = page_of(study)
    assert f"{study.best_value:.4f}" in page.text
    drawn = set(json.loads(page.figures))
    assert {"history-0", "intermediate-0", "timeline-0", "timeline-1"} <= drawn
    assert ("importance-0" in drawn) == (trials > 3)
    assert ("importance: at least 4 COMPLETE trials" in page.text) == (trials <= 3)
    assert "has no experiment 'synthetic'" in page.text


def test_a_study_of_several_objectives_shows_its_front(here: object) -> None:
    study = synthetic_study(30, failed=0, others={"n_params": "minimize", "latency_ms": "minimize"})
    page = page_of(study)
    assert "pareto" in page.ids
    assert "Pareto front of val_accuracy (max), n_params (min), latency_ms (min): " in page.text
    assert "pareto-0" in json.loads(page.figures)
    assert "pareto" not in page_of(synthetic_study(30)).ids


def test_a_study_under_constraints_has_all_figures(here: object) -> None:
    study, free = synthetic_study(30, failed=0), synthetic_study(30, failed=0)
    for trial in study.get_trials(deepcopy=False):
        trial.set_constraint("n_hidden<=6", (trial.params["n_hidden"] - 6) / 6)
    assert set(json.loads(page_of(study).figures)) == set(json.loads(page_of(free).figures))


def test_a_study_whose_trials_all_failed_says_why(here: object) -> None:
    page = page_of(synthetic_study(9, failed=1))
    assert "No winner" in page.text
    assert "has no COMPLETE trial to choose from (9 FAIL)" in page.text
    assert "ValueError: loss is nan in epoch 3" in page.text
    assert set(json.loads(page.figures)) == {"timeline-0", "timeline-1"}
    assert "leaderboard" not in page.ids


def test_a_regression_has_no_interval_of_an_accuracy(here: object) -> None:
    study = synthetic_study(30, "val_rmse", "minimize")
    page = page_of(study)
    assert f"{study.best_value:,.1f}" in page.text
    assert "Wilson" not in page.text
    assert "val_rmse is minimized" in page.text


def test_two_thousand_trials_fit_into_four_megabytes(here: object) -> None:
    page = html.render(StudyView(synthetic_study(2000)), "sweeps run synthetic", RECORDED)
    assert len(page.encode()) < 4e6
    assert len(json.loads(Page(page).figures)) > 10


def test_the_interval_of_an_accuracy_is_that_of_its_validation_rows(here: object) -> None:
    study = synthetic_study(1, pruned=0, failed=0)
    good = create_trial(value=352 / 359, user_attrs=study.trials[0].user_attrs)
    (said, *_) = facts.card(StudyView(study, [good]), {"validation": 359}).sure
    assert "On 359 validation rows" in said
    assert (
        "between 0.9603 and 0.9905" in said
    )  # statsmodels.stats.proportion.proportion_confint(352, 359, 0.05, "wilson")


def test_nothing_in_the_page_is_fetched(here: object) -> None:
    page = html.render(StudyView(synthetic_study(10)), "sweeps run synthetic", RECORDED)
    assert [link for link in Page(page).links if not link.startswith("data:")] == []
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(", (html._PAGE / "style.css").read_text())


def test_names_values_and_errors_are_text_whatever_they_hold(here: object) -> None:
    study = synthetic_study(8, pruned=0, failed=0)
    for index in range(6):
        params = {HOSTILE: HOSTILE if index % 2 else "b"}
        space = {HOSTILE: optuna.distributions.CategoricalDistribution([HOSTILE, "b"])}
        attributes = study.trials[0].user_attrs | {"params": params}
        study.add_trial(create_trial(params=params, distributions=space, value=1.0, user_attrs=attributes))
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={ERROR: HOSTILE}))
    page = page_of(study)
    assert HOSTILE in page.text
    assert "img" not in page.tags
    assert page.tags.count("script") == 4
    assert HOSTILE in json.dumps(json.loads(page.figures))


def test_the_command_writes_the_file_and_makes_it_an_artifact(finished: Workspace) -> None:
    done = finished.here("report", "digits-mlp")
    assert (done.returncode, done.stderr) == (0, "")
    file = finished.folder / "runs" / "studies" / "digits-mlp" / "report.html"
    assert done.stdout.strip() == str(file)
    page = Page(file.read_text())
    assert "sweeps run digits-mlp --trials 6 --epochs 4" in page.text
    assert "359 validation" in page.text
    assert "logistic regression" in page.text
    assert "default configuration" in page.text
    assert {"curves-0", "history-0", "timeline-1"} <= set(json.loads(page.figures))
    store = find_store(f"sqlite:///{finished.folder}/runs/mlflow.db", "digits-mlp")
    assert store is not None
    parent = store.client.search_runs([store.experiment_id], "tags.kind = 'sweep'")[0].info.run_id
    assert "report.html" in [artifact.path for artifact in store.client.list_artifacts(parent)]


@pytest.mark.slow
def test_with_predictions_the_matrix_of_the_validation_rows_has_the_best_value_on_its_diagonal(
    finished: Workspace,
) -> None:
    done = finished.here("report", "digits-mlp", "--predictions", "--output", "predicted.html")
    assert done.returncode == 0, done.stderr
    page = Page((finished.folder / "predicted.html").read_text())
    counts = json.loads(page.figures)["validation-0"]["data"][0]["text"]
    assert sum(map(sum, counts)) == 359
    right = sum(row[index] for index, row in enumerate(counts))
    assert right / 359 == pytest.approx(finished.json("best", "digits-mlp")["value"])
    # of each image that is confused, of at most three for a pair of classes, as a small PNG
    expected = sum(min(3, count) for true, row in enumerate(counts) for other, count in enumerate(row) if other != true)
    pictures = [link for link in page.links if link.startswith("data:image/png;base64,")]
    assert len(pictures) == min(24, expected) > 0
    assert sum(map(len, pictures)) < 50_000
    assert page.text.count(" taken for ") == len(pictures)


def test_a_sweep_writes_its_report_at_its_end_once(finished: Workspace, tmp_path: Path) -> None:
    workspace = finished.copied(tmp_path / "copy")
    same = ("run", "--trials", "6", "--epochs", "4", "--pruner", "median", "--jobs", "1", "--baselines")
    file = workspace.folder / "runs/studies/digits-mlp/report.html"
    file.unlink(missing_ok=True)  # other tests write one
    assert "report  " not in workspace.here(*same, "--no-report").stdout
    assert not file.exists()
    done = workspace.here(*same, "--report")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "report  runs/studies/digits-mlp/report.html"
    written = file.stat().st_mtime_ns
    assert workspace.here(*same, "--report").stdout.splitlines()[-1].startswith("report  ")
    assert file.stat().st_mtime_ns == written


def test_a_report_that_cannot_be_written_does_not_make_a_sweep_fail(
    finished: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = finished.copied(tmp_path / "copy")

    def fail(*_: object) -> None:
        raise ValueError("no colour")

    monkeypatch.setattr(html, "write", fail)
    (workspace.folder / "runs/studies/digits-mlp/report.html").unlink(missing_ok=True)
    same = ("run", "--trials", "6", "--epochs", "4", "--pruner", "median", "--jobs", "1", "--baselines")
    done = workspace.here(*same, "--report")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "no report: no colour; sweeps report digits-mlp tries it again",
    )


def test_the_output_is_where_it_is_asked_for(finished: Workspace) -> None:
    assert finished.here("report", "digits-mlp", "--output", "my report.html").returncode == 0
    assert (finished.folder / "my report.html").stat().st_size > 1e6
    done = finished.here("report", "digits-mlp", "--output", "none/report.html")
    assert done.returncode == 2
    assert "--output: a file in a folder that is there is wanted, got 'none/report.html'" in done.stderr


@pytest.mark.parametrize("command", ["report", "importance"])
def test_an_unknown_study_is_refused(here: object, fails: object, command: str) -> None:
    assert "unknown study 'none'" in fails(command, "none")  # type: ignore[operator]
