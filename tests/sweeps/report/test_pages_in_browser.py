"""What MLflow and optuna-dashboard show of a study, in a browser."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from browser import CHROMIUM, MISSING, Page
from servers import free_port
from support import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason=MISSING)]
STUDY = "digits-mlp"


@pytest.fixture(scope="module")
def exported(finished: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the finished sweep, whose best model is registered."""
    made = finished.copied(tmp_path_factory.mktemp("pages") / "copy")
    done = made.here("export", STUDY)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def mlflow(exported: Workspace) -> Iterator[dict[str, str]]:
    """`sweeps ui`: the addresses that it prints, by what they show."""
    process = exported.start("ui", STUDY, "--port", str(free_port()))
    yield addresses(process)
    end(process)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with Page(1900, 1400) as opened:
        yield opened


def addresses(process: subprocess.Popen[str]) -> dict[str, str]:
    """What a server says until it can be used."""
    found: dict[str, str] = {}
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line and "http" not in line:
            break
        if line.startswith("study "):
            what, _, address = line.partition(": http")
            found[what.removeprefix(f"study {STUDY}, ")] = f"http{address.split()[0]}"
            if "Ctrl-C" in line:
                break
    assert found, process.communicate()
    return found


def end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)


def test_the_trials_are_listed_best_first_with_the_columns_that_matter(
    exported: Workspace, mlflow: dict[str, str], page: Page
) -> None:
    rows = {row["number"]: row for row in exported.json("list", STUDY)}
    best = exported.json("best", STUDY)
    page.open(mlflow["trials, best first"], f"{len(rows)} matching runs")
    page.wait("document.querySelectorAll('.ag-center-cols-container [role=row]').length > 0")
    names = page.run(
        "[...document.querySelectorAll('.ag-pinned-left-cols-container [role=row]')]"
        ".sort((a, b) => a.rowIndex - b.rowIndex || a.getAttribute('row-index') - b.getAttribute('row-index'))"
        ".map(row => row.innerText.match(/#\\d+ /)[0])"
    )
    assert len(names) == len(rows)
    assert names[0] == f"#{best['trial']} "
    header = page.run(
        "[...document.querySelectorAll('.ag-header-cell')].sort((a, b) => "
        "a.getBoundingClientRect().left - b.getBoundingClientRect().left).map(cell => cell.innerText.trim())"
    )
    shown = [name for name in header if name]
    assert shown[:2] == ["Run Name", "Created"]
    assert shown.index("best_val_accuracy") < shown.index("state") < shown.index("n_neurons")
    assert not {"kernel_initializer", "attempt", "model_sha256", "seed"} & set(shown)
    assert f"val_accuracy {best['value']:.4f}" in page.text  # the description of the experiment


def test_the_charts_are_parallel_coordinates_and_the_curves_of_all_trials(mlflow: dict[str, str], page: Page) -> None:
    page.open(mlflow["trials as charts"], "Parallel Coordinates")
    page.wait("document.querySelectorAll('.js-plotly-plot .scatterlayer .trace').length > 0")
    for name in ("val_accuracy", "accuracy", "val_loss", "loss"):
        assert f"\n{name}\n" in page.text
    assert "\nbest_val_accuracy\n" not in page.text.partition("Parallel Coordinates")[2]


def test_the_sweep_describes_its_winner_its_best_trials_and_their_history(
    exported: Workspace, mlflow: dict[str, str], page: Page
) -> None:
    best = exported.json("best", STUDY)
    page.open(mlflow["the sweep"], "Show more")
    assert page.click("button", "Show more")
    page.wait("document.querySelector('img[src*=\"history.svg\"]')?.naturalWidth > 0")
    complete = [row for row in exported.json("list", STUDY) if row["state"] == "COMPLETE"]
    assert page.run("document.querySelectorAll('table a[href*=\"/runs/\"]').length") >= len(complete)
    page.run(f"document.querySelector('table a[href*=\"{best['run_id']}\"]').target = '_self'")
    assert page.click(f"table a[href*='{best['run_id']}']")
    page.wait(f"document.body.innerText.includes('#{best['trial']} {best['params']['n_hidden']}×')")


def test_a_trial_has_a_chart_of_each_metric_and_none_of_one_point(
    exported: Workspace, mlflow: dict[str, str], page: Page
) -> None:
    best, address = exported.json("best", STUDY), mlflow["the sweep"].partition("/runs/")[0]
    tab = f"{address}/runs/{best['run_id']}/model-metrics?workflowType=machine_learning"
    page.open(tab, "val_accuracy")
    page.wait("document.querySelectorAll('.js-plotly-plot').length >= 5")
    for name in ("best_epoch", "n_params", "train_seconds", "seconds"):
        assert name not in page.text


def test_the_model_is_registered_with_description_alias_and_signature(
    exported: Workspace, mlflow: dict[str, str], page: Page
) -> None:
    server, best = mlflow["the sweep"].partition("#")[0], exported.json("best", STUDY)
    page.open(f"{server}#/models/{STUDY}/versions/1", "champion")
    page.wait("document.body.innerText.includes('Inputs (1)')")
    assert f"val_accuracy {best['value']:.4f}" in page.text
    page.open(f"{server}#/experiments/{mlflow['the sweep'].split('/')[5]}/models", f"trial-{best['trial']:04d}")
    page.wait("document.body.innerText.includes('digits (#')")


def test_the_dashboard_shows_the_study_and_changes_nothing(exported: Workspace, page: Page) -> None:
    journal = exported.folder / "runs/studies" / STUDY / "journal.log"
    before = journal.read_bytes()
    port = free_port()
    process = exported.start("dashboard", STUDY, "--port", str(port))
    try:
        (address,) = addresses(process).values()
        page.open(address, "Hyperparameter Importance")
        page.wait("document.querySelectorAll('.js-plotly-plot .scatterlayer .trace').length > 0")
        assert "val_accuracy" in page.text
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/studies/0", method="DELETE")
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked, timeout=30)
        led_here = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(led_here, timeout=30)
        again = exported.sweeps("dashboard", STUDY, "--port", str(port))
        assert (again.returncode, again.stderr) == (
            4,
            f"sweeps: port {port}: address already in use; another port: sweeps dashboard --port {port + 1}\n",
        )
    finally:
        end(process)
    assert journal.read_bytes() == before
