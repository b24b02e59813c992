"""`sweeps list` and `sweeps importance` over a finished sweep."""

from __future__ import annotations

from support import Workspace


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
