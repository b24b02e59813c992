"""`sweeps list` and `sweeps importance` over a finished sweep."""

from __future__ import annotations

import csv
import io
import threading
import time

import pytest
from support import Workspace

from sweeps.system.locks import present


def test_without_a_study_the_studies_are_listed(finished: Workspace) -> None:
    said = finished.here("list").stdout
    assert said.splitlines()[0].split() == ["study", "trials", "of", "best", "objective", "last", "change"]
    best = finished.json("best", "digits-mlp")["value"]
    assert said.splitlines()[1].split()[:5] == ["digits-mlp", "6", "6", f"{best:.4f}", "val_accuracy"]
    (row,) = finished.json("list")
    assert (row["study"], row["total"], row["best"]) == ("digits-mlp", 6, best)
    assert sum(row["trials"].values()) == 6


def test_a_study_that_cannot_be_read_does_not_hide_the_others(finished: Workspace, tmp_path: object) -> None:
    workspace = finished.copied(tmp_path / "copy")  # type: ignore[operator]
    folder = workspace.folder / "runs" / "studies" / "torn"
    folder.mkdir()
    (folder / "journal.log").write_text("not a journal\n")
    listed = workspace.json("list")
    assert [row["study"] for row in listed] == ["digits-mlp", "torn"]
    assert "is damaged" in listed[1]["error"]


def test_an_empty_workspace_has_no_studies(workspace: Workspace) -> None:
    assert workspace.json("list") == []


def test_json_has_the_trials_that_are_chosen_in_the_order_that_is_asked_for(finished: Workspace) -> None:
    rows = finished.json("list", "digits-mlp", "--sort", "val_accuracy", "--filter", "state=COMPLETE")
    values = [row["value"] for row in rows]
    assert values == sorted(values, reverse=True)
    assert rows[0]["number"] == finished.json("best", "digits-mlp")["trial"]
    assert finished.json("list", "digits-mlp", "--filter", "n_hidden>99") == []


def test_a_filter_without_a_hit_prints_an_empty_table(finished: Workspace) -> None:
    done = finished.here("list", "digits-mlp", "--filter", "n_hidden>99", "--columns", "trial,n_hidden")
    assert (done.returncode, done.stdout.split()) == (0, ["trial", "n_hidden"])


def test_an_unknown_column_is_refused(finished: Workspace) -> None:
    for option in ("--sort", "--columns"):
        done = finished.here("list", "digits-mlp", option, "n_hiden")
        assert done.returncode == 2
        assert "unknown column 'n_hiden'. Did you mean 'n_hidden'?" in done.stderr
    assert "are for the trials of a STUDY" in finished.here("list", "--sort", "trial").stderr


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_the_rows_of_json_with_a_column_for_each_hyperparameter(finished: Workspace) -> None:
    rows, found = finished.json("list", "digits-mlp"), table(finished.here("list", "digits-mlp", "--csv").stdout)
    assert [row["trial"] for row in found] == [str(row["number"]) for row in rows]
    assert [row["run_id"] for row in found] == [row["run_id"] for row in rows]
    for row, cells in zip(rows, found, strict=True):
        assert float(cells["learning_rate"]) == row["params"]["learning_rate"]
    chosen = finished.here("list", "digits-mlp", "--csv", "--columns", "trial,state", "--sort", "trial:desc").stdout
    assert chosen.splitlines()[:2] == ["trial,state", f"5,{rows[5]['state']}"]


def test_studies_importance_and_comparison_are_csv_too(finished: Workspace) -> None:
    (row,) = table(finished.here("list", "--csv").stdout)
    assert (row["study"], row["total"], float(row["best"])) == ("digits-mlp", "6", finished.json("list")[0]["best"])
    importance = table(finished.here("importance", "digits-mlp", "--csv").stdout)
    assert sum(float(each["importance"]) for each in importance) == pytest.approx(1)
    done = finished.here("list", "--csv", "--json")
    assert (done.returncode, done.stderr) == (2, "sweeps: --json or --csv is wanted, got both\n")


def test_a_study_is_not_compared_with_itself_or_nothing(finished: Workspace) -> None:
    for names in (["digits-mlp"], ["digits-mlp", "digits-mlp"]):
        done = finished.here("compare", *names)
        assert done.returncode == 2
        assert "two or more different studies are wanted" in done.stderr


def test_watching_ends_when_no_sweep_is_running(finished: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.cli.status._INTERVAL", 0.05)
    folder, begun = finished.folder / "runs/studies/digits-mlp", threading.Event()

    def sweep() -> None:
        with present(folder):
            begun.set()
            time.sleep(0.5)

    thread = threading.Thread(target=sweep)
    thread.start()
    begun.wait()
    started = time.monotonic()
    done = finished.here("status", "digits-mlp", "--watch")
    thread.join()
    assert time.monotonic() - started > 0.3
    assert done.stdout.splitlines() == finished.here("status", "digits-mlp").stdout.splitlines()[:1]
