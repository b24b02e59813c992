"""A sweep of two objectives under constraints, from the command line to the runs: real workers, a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invariant import assert_sound
from support import SharedWorker, Workspace

from tracking import Store, child_runs, find_store

LIMIT = 4000
OPTIONS = (
    *("run", "two", "--objective", "val_accuracy", "--objective", "n_params", "--constraint", f"n_params<={LIMIT}"),
    *("--constraint", "val_loss<=99", "--set", "n_hidden=1", "--set", "n_neurons=16..128", "--set", "batch_norm=False"),
    *("--epochs", "2", "--jobs", "1", "--start", "none", "--sampler-option", "startup=3"),
)


@pytest.fixture(scope="module")
def output() -> list[str]:
    return []


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, worker: SharedWorker, output: list[str]) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("objectives"))
    done = worker.sweeps(made, *OPTIONS, "--trials", "8")
    assert done.returncode == 0, done.stderr
    output += done.stdout.splitlines()
    return made


@pytest.fixture(scope="module")
def store(swept: Workspace) -> Store:
    found = find_store(f"sqlite:///{swept.folder}/runs/mlflow.db", "two")
    assert found is not None
    return found


def test_a_model_that_is_too_large_is_not_trained_and_its_trial_counts(
    swept: Workspace, store: Store, output: list[str]
) -> None:
    rows = swept.json("list", "two")
    assert len(rows) == 8
    for row in rows:
        units = row["params"]["n_neurons"]
        n_params = 64 * units + units + 10 * units + 10
        run = store.client.get_run(row["run_id"]).data
        if n_params > LIMIT:
            said = f"n_params is {n_params:,}, not <= 4,000"
            assert (row["state"], row["value"], row["figures"]) == ("PRUNED", None, None)
            assert row["infeasible"] == run.tags["infeasible"] == said
            assert not store.client.get_metric_history(row["run_id"], "loss")
            assert any(f"trial {row['number']} PRUNED" in line and line.endswith(said) for line in output)
        else:
            # no pruner is taken where none is asked for
            assert (row["state"], row["infeasible"]) == ("COMPLETE", None)
            assert row["figures"]["n_params"] == n_params == int(run.tags["n_params"])
            assert 0 < row["figures"]["val_loss"] < 99
    beyond = sum(row["infeasible"] is not None for row in rows)
    assert 0 < beyond < 6
    assert swept.json("status", "two")["infeasible"] == beyond


def test_the_front_is_shown_and_recorded(swept: Workspace, store: Store, output: list[str]) -> None:
    complete = {row["number"]: row for row in swept.json("list", "two", "--filter", "state=COMPLETE")}
    values = {number: (row["value"], -row["figures"]["n_params"]) for number, row in complete.items()}
    front = {
        number
        for number, (accuracy, small) in values.items()
        if not any(a >= accuracy and s >= small and (a, s) != (accuracy, small) for a, s in values.values())
    }
    best = swept.json("best", "two")
    numbers = [one["trial"] for one in best["pareto"]]
    assert set(numbers) == front
    assert numbers[0] == best["trial"] == max(values, key=lambda number: (values[number], -number))
    said = swept.here("best", "two").stdout
    assert f"Pareto front of val_accuracy (max), n_params (min): {len(front)} trial" in said
    assert any(line.startswith("Pareto front of") and line.endswith("see sweeps best two") for line in output)
    parent = store.client.get_run(child_runs(store)[0].data.tags["mlflow.parentRunId"])
    assert f": #{', #'.join(map(str, numbers))}." in parent.data.tags["mlflow.note.content"]
    assert parent.data.tags["pareto"] == ", ".join(map(str, numbers))
    assert parent.data.tags["objective"] == "val_accuracy, n_params"
    file = store.client.download_artifacts(parent.info.run_id, "pareto.json", str(swept.folder))
    assert json.loads(Path(file).read_text()) == best["pareto"]


def test_such_a_study_is_sound(swept: Workspace) -> None:
    assert_sound(swept, "two", total=8)


def test_a_resume_asks_for_the_same_objectives_and_constraints(swept: Workspace, worker: SharedWorker) -> None:
    whole = worker.sweeps(swept, *OPTIONS, "--trials", "8")
    assert whole.returncode == 0, whole.stderr
    others = [word.replace("n_params<=4000", "n_params<=5000") for word in OPTIONS]
    refused = worker.sweeps(swept, *others, "--trials", "9")
    assert refused.returncode == 2
    assert (
        "constraint: ['n_params<=4000', 'val_loss<=99'] then, ['n_params<=5000', 'val_loss<=99'] now" in refused.stderr
    )
    others = [word.replace("n_params", "model_bytes") if word == "n_params" else word for word in OPTIONS]
    refused = worker.sweeps(swept, *others, "--trials", "8")
    assert refused.returncode == 2
    assert "objectives: {'n_params': 'minimize'} then, {'model_bytes': 'minimize'} now" in refused.stderr


def test_what_is_wrong_with_objectives_and_constraints_is_said_before_anything_is_stored(
    workspace: Workspace, worker: SharedWorker
) -> None:
    for options, said in (
        (
            ("--constraint", "n_params<=9", "--constraint", "n_params>=10"),
            "n_params>=10 and n_params<=9 cannot both hold",
        ),
        (("--constraint", "val_los<=9"), "--constraint: no metric is named 'val_los'; there are "),
        (
            ("--objective", "val_loss", "--objective", "parameters"),
            "objective: no metric is named 'parameters'; there are",
        ),
        (("--objective", "n_params"), "Put a metric of the logs before it: --objective NAME --objective n_params"),
    ):
        done = worker.sweeps(workspace, "run", "wrong", "--trials", "1", "--epochs", "1", *options)
        assert done.returncode == 2, done.stdout
        assert said in done.stderr
        assert len(done.stderr.splitlines()) <= 2
        assert workspace.json("list") == []
