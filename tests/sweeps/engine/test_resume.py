"""Trials that are cut short by real deaths, and what their retries come to."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from invariant import assert_sound
from support import Workspace

from sweeps.trial.checkpoint import Checkpoints
from tracking import Store, child_runs, find_store

EPOCHS = 6


def sweep(folder: Path, orders: str, *options: str) -> Workspace:
    """A sweep of the space in `killing.py`, whose trials die by `orders`; run to its end."""
    folder.mkdir()
    made = Workspace(folder)
    shutil.copyfile(Path(__file__).with_name("killing.py"), folder / "space.py")
    (folder / "kill").write_text(orders)
    done = made.sweeps(*command(*options), timeout=580)
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def command(*options: str) -> tuple[str, ...]:
    defaults = ("--trials", "1", "--epochs", str(EPOCHS), "--jobs", "1", "--pruner", "none")
    return ("run", "deaths", "--space", "space.py:Space", *defaults, *options)


def store_of(made: Workspace) -> Store:
    found = find_store(f"sqlite:///{made.folder}/runs/mlflow.db", "deaths")
    assert found is not None
    return found


def histories(made: Workspace, number: int) -> dict[str, list[tuple[int, float]]]:
    """By metric the trial's (epoch, value), as its run holds them; exact."""
    store = store_of(made)
    run_id = made.json("list", "deaths")[number]["run_id"]
    names = store.client.get_run(run_id).data.metrics
    found = {name: store.client.get_metric_history(run_id, name) for name in names}
    return {name: sorted((entry.step, entry.value) for entry in entries) for name, entries in found.items()}


def weights(made: Workspace, number: int) -> list[Any]:
    """Of the trial's logged model."""
    import keras

    from tracking.models import fetch_keras_file

    store = store_of(made)
    uri = store.client.get_run(made.json("list", "deaths")[number]["run_id"]).data.tags["model_uri"]
    (made.folder / "fetched").mkdir(exist_ok=True)
    model = keras.saving.load_model(fetch_keras_file(store, uri, made.folder / "fetched"))
    return [variable.numpy() for variable in (*model.weights, *model.optimizer.variables)]


def check_nothing_is_left(made: Workspace, total: int) -> None:
    """The invariant of a sweep that has ended."""
    status = made.json("status", "deaths")
    assert status["trials"]["COMPLETE"] + status["trials"]["PRUNED"] == status["total"] == total
    assert status["trials"]["RUNNING"] == status["trials"]["WAITING"] == 0
    rows = {row["number"]: row for row in made.json("list", "deaths")}
    runs = child_runs(store_of(made))
    assert sorted(int(run.data.tags["trial"]) for run in runs) == sorted(rows)
    for run in runs:
        row = rows[int(run.data.tags["trial"])]
        assert row["run_id"] == run.info.run_id
        assert run.data.tags["state"] == row["state"]
        assert (run.info.status == "FINISHED") == (row["state"] == "COMPLETE")
        assert run.info.status != "RUNNING"
    continued = {int(run.data.tags["trial"]) for run in runs if "continued_from" in run.data.tags}
    complete = [row["value"] for row in rows.values() if row["state"] == "COMPLETE" and row["number"] not in continued]
    assert status["best"] == max(complete)
    assert not list((made.folder / "runs/studies/deaths").glob("checkpoints/*"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return sweep(tmp_path_factory.mktemp("undisturbed") / "sweep", "")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Killed in mid-epoch, then between the logged model and the trial's end."""
    return sweep(tmp_path_factory.mktemp("killed") / "sweep", "epoch5 1\nlogged 1")


@pytest.mark.slow
def test_a_trial_killed_in_mid_epoch_and_again_at_its_end_is_the_one_that_was_never_interrupted(
    undisturbed: Workspace, killed: Workspace
) -> None:
    check_nothing_is_left(killed, 1)
    assert [row["state"] for row in killed.json("list", "deaths")] == ["FAIL", "FAIL", "COMPLETE"]
    assert_same_trial(killed, 2, undisturbed)


def assert_same_trial(made: Workspace, number: int, undisturbed: Workspace) -> None:
    """Parameters, value, history and weights are those of the one that was never interrupted, to the last bit."""
    row, whole = made.json("list", "deaths")[number], undisturbed.json("list", "deaths")[0]
    assert (row["params"], row["value"]) == (whole["params"], whole["value"])
    assert histories(made, number) == histories(undisturbed, 0)
    assert [epoch for epoch, _ in histories(made, number)["loss"]] == list(range(1, EPOCHS + 1))
    for one, other in zip(weights(made, number), weights(undisturbed, 0), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.slow
def test_a_trial_killed_in_its_second_round_and_again_in_its_third_trains_no_round_that_has_ended_again(
    tmp_path: Path,
) -> None:
    # the second death is of the first retry, whose first fit is that of the second round
    orders = "fit2-epoch1 1\nfit2-epoch4 1"
    whole, killed = (sweep(tmp_path / name, text, "--folds", "3") for name, text in (("whole", ""), ("killed", orders)))
    check_nothing_is_left(killed, 1)
    assert [row["state"] for row in killed.json("list", "deaths")] == ["FAIL", "FAIL", "COMPLETE"]
    assert_same_trial(killed, 2, whole)
    assert killed.json("list", "deaths")[2]["rounds"] == whole.json("list", "deaths")[0]["rounds"]
    assert killed.json("status", "deaths")["epochs_spent"] == 3 * EPOCHS
    *_, first, second, third, again, last = (
        fit.split() for fit in (killed.folder / "epochs").read_text().split("begin")
    )
    assert [fit[0] for fit in (first, second, third, again)] == ["0"] * 4
    assert [len(fit) for fit in (first, second, third, again)] == [EPOCHS, 1, EPOCHS, 4]
    assert int(last[0]) > 0
    assert last[-1] == str(EPOCHS - 1)


@pytest.mark.slow
def test_a_killed_trial_that_the_kernels_train_and_that_draws_from_global_generators_is_the_same_too(
    tmp_path: Path,
) -> None:
    whole, killed = (
        sweep(tmp_path / name, orders, "--space", "space.py:Chain")
        for name, orders in (("whole", ""), ("killed", "epoch4 1"))
    )
    check_nothing_is_left(killed, 1)
    assert_same_trial(killed, 1, whole)
    for made in (whole, killed):
        assert (made.folder / "kernels").read_text().splitlines()[-1] == "True"
    began, *_ = map(int, (killed.folder / "epochs").read_text().split("begin")[-1].split())
    assert began >= 1


@pytest.mark.slow
def test_a_retry_begins_where_the_dead_attempt_was_saved(killed: Workspace) -> None:
    # what comes before the three was the pre-flight
    attempts = [list(map(int, told.split())) for told in (killed.folder / "epochs").read_text().split("begin")[-3:]]
    assert attempts[0] == [0, 1, 2, 3, 4]
    # between two checkpoints lies a second, which is two epochs of this space
    assert attempts[1] in ([2, 3, 4, 5], [3, 4, 5], [4, 5])
    assert attempts[2] in ([4, 5], [5], []), "not after the second attempt's last checkpoint"


@pytest.mark.slow
def test_a_retry_points_at_the_attempt_before_it_and_the_dead_one_says_how_it_ended(killed: Workspace) -> None:
    runs = {int(run.data.tags["trial"]): run for run in child_runs(store_of(killed))}
    assert [runs[number].data.tags.get("retry_of") for number in range(3)] == [None, "0", "1"]
    assert len({run.data.tags["seed"] for run in runs.values()}) == 1
    assert [runs[number].info.status for number in range(3)] == ["FAILED", "FAILED", "FINISHED"]
    said = "killed by signal 9, probably out of memory"
    assert all(said in row["error"] for row in killed.json("list", "deaths")[:2])
    assert all(said in runs[number].data.tags["error"] for number in range(2))
    assert said in (killed.folder / "output.txt").read_text()


@pytest.mark.slow
def test_an_interrupted_trial_goes_on_where_it_was_when_the_command_is_given_again(
    undisturbed: Workspace, tmp_path: Path
) -> None:
    shutil.copyfile(Path(__file__).with_name("killing.py"), tmp_path / "space.py")
    made = Workspace(tmp_path)
    process = made.start(*command())
    told = tmp_path / "epochs"
    while process.poll() is None and (not told.exists() or "begin\n0\n1\n" not in told.read_text()):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert [row["state"] for row in made.json("list", "deaths")] == ["FAIL"]
    done = made.sweeps(*command())
    assert done.returncode == 0, done.stderr
    check_nothing_is_left(made, 1)
    assert histories(made, 1) == histories(undisturbed, 0)
    began, *trained = map(int, told.read_text().split("begin")[-1].split())
    assert began >= 1
    assert [began, *trained] == list(range(began, EPOCHS))


@pytest.mark.slow
def test_a_trial_that_kills_its_worker_three_times_is_given_up_and_the_sweep_goes_on(tmp_path: Path) -> None:
    first = [{"units": 11, "learning_rate": 0.01}, {"units": 12, "learning_rate": 0.01, "batch_size": 32}]
    (tmp_path / "first.json").write_text(json.dumps(first))
    options = ("--trials", "2", "--epochs", "1", "--enqueue", str(tmp_path / "first.json"))
    # the first death comes before anything is drawn
    made = sweep(tmp_path / "sweep", "begun 1\nunits11 99", *options)
    check_nothing_is_left(made, 2)
    rows = made.json("list", "deaths")
    assert [row["state"] for row in rows] == ["FAIL", "COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert [row["params"].get("units") for row in rows[:4]] == [None, 12, 11, 11]
    assert "given up, its worker has died 3 times" in rows[3]["error"]
    assert rows[4]["params"]["units"] != 11


@pytest.mark.slow
@pytest.mark.parametrize(
    "orders",
    [
        # when it has just got its trial; after its end, of which nobody knows yet
        "given 1\nended 1",
        # while it writes the trial's model, and when that is written
        "saved 1\nlogged 1",
    ],
)
def test_a_worker_that_is_killed_at_the_worst_moment_costs_no_trial(tmp_path: Path, orders: str) -> None:
    options = ("--trials", "2", "--epochs", "1")
    made = sweep(tmp_path / "sweep", orders, *options)
    assert {line.split()[1] for line in (made.folder / "kill").read_text().splitlines()} == {"0"}, "nothing has died"
    # the first trial has the space's default values; they are tried whenever it died
    complete = [row["params"] for row in made.json("list", "deaths") if row["state"] == "COMPLETE"]
    assert {"units": 8, "learning_rate": 0.01, "batch_size": 32} in complete
    done = made.sweeps(*command(*options))
    assert done.returncode == 0, done.stderr
    check_nothing_is_left(made, 2)
    assert_sound(made, "deaths", 2)


@pytest.mark.slow
def test_a_continued_trial_whose_worker_and_then_parent_is_killed_goes_on_when_the_command_is_given_again(
    undisturbed: Workspace, tmp_path: Path
) -> None:
    made = sweep(tmp_path / "sweep", "", "--epochs", "2")
    (made.folder / "kill").write_text("epoch4 1")
    told, before = made.folder / "epochs", (made.folder / "epochs").read_text()
    continued = ("continue", "deaths", "--trial", "0", "--epochs", f"+{EPOCHS - 2}")
    process = made.start(*continued)

    def attempts() -> list[list[int]]:
        """The epochs of each; the pre-flight's begin with the first of all."""
        begun = [list(map(int, one.split())) for one in told.read_text()[len(before) :].split("begin")]
        return [epochs for epochs in begun if epochs and epochs[0] > 0]

    # its worker dies in the fourth epoch of all; its parent is killed in the third of the next worker
    while process.poll() is None and not (len(attempts()) == 2 and len(attempts()[1]) == 3):
        time.sleep(0.05)
    process.kill()
    _, said = process.communicate()
    assert process.returncode == -signal.SIGKILL, said
    assert [row["state"] for row in made.json("list", "deaths")] == ["COMPLETE", "FAIL", "RUNNING"]
    done = made.sweeps(*continued)
    assert done.returncode == 0, done.stderr
    assert_sound(made, "deaths", 1)
    assert [row["state"] for row in made.json("list", "deaths")] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert histories(made, 3) == histories(undisturbed, 0)
    assert last_state(made, 3) == last_state(undisturbed, 0)
    assert attempts()[2][0] > attempts()[1][0], "not where it was saved"


def last_state(made: Workspace, number: int) -> list[Any]:
    """Variables of model and optimizer after the trial's last epoch, the layers' random states among them."""
    found = Checkpoints(made.folder / "runs/studies/deaths/states").load(number)
    return [variable.tobytes() for variable in found["training"]["variables"]]


@pytest.mark.slow
def test_four_epochs_and_two_more_are_six(undisturbed: Workspace, tmp_path: Path) -> None:
    made = sweep(tmp_path / "sweep", "", "--epochs", str(EPOCHS - 2))
    assert last_state(made, 0) != last_state(undisturbed, 0)
    before = made.json("best", "deaths")
    continued = ("continue", "deaths", "--trial", "0", "--epochs", "+2")
    for number in (1, 2):
        done = made.sweeps(*continued)
        assert done.returncode == 0, done.stderr
        assert f"trial {number} continues trial 0 from epoch {EPOCHS - 2} to {EPOCHS}" in done.stdout
        assert last_state(made, number) == last_state(undisturbed, 0)
        assert histories(made, number) == histories(undisturbed, 0)
        for one, other in zip(weights(made, number), weights(undisturbed, 0), strict=True):
            assert one.tobytes() == other.tobytes()
        # the second time it is trained again from its first epoch
        Checkpoints(made.folder / "runs/studies/deaths/states").forget(0)
    attempts = [list(map(int, told.split())) for told in (made.folder / "epochs").read_text().split("begin")[1:]]
    assert [EPOCHS - 2, EPOCHS - 1] in attempts
    assert attempts[-1] == list(range(EPOCHS))
    # no part of the total, and not compared with trials of fewer epochs
    assert made.json("best", "deaths") == before
    check_nothing_is_left(made, 1)
    tags = [run.data.tags.get("continued_from") for run in child_runs(store_of(made))]
    assert sorted(tags, key=str) == ["0", "0", None]
    assert made.sweeps(*command("--epochs", str(EPOCHS - 2))).returncode == 0
    assert len(made.json("list", "deaths")) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trial", "77", "--epochs", "+2"), "a COMPLETE or PRUNED trial of 'digits-mlp' is wanted, 77 is not there"),
        (("--trial", "0", "--epochs", "2"), "--epochs: how many more is written +N, got '2'"),
        (("--trial", "0", "--epochs", "+0"), "--epochs: how many more is written +N, got '+0'"),
        (("--trial", "-1", "--epochs", "+2"), "--trial"),
    ],
)
def test_what_cannot_be_continued_is_refused(finished: Workspace, arguments: tuple[str, ...], said: str) -> None:
    before = finished.files
    done = finished.here("continue", "digits-mlp", *arguments)
    assert (done.returncode, finished.files) == (2, before)
    assert said in done.stderr
