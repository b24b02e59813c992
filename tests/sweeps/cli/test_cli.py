"""What the command line refuses before any process is started: exit code 2, a line or two, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sweeps.config import load_config
from sweeps.errors import InputError

Fails = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--sampler", "tpa"], "unknown sampler 'tpa'. Did you mean 'tpe'?"),
        (["run", "--pruner", "hyperbend"], "unknown pruner 'hyperbend'. Did you mean 'hyperband'?"),
        (["run", "--trials", "0"], "--trials: Input should be greater than or equal to 1, got 0"),
        (["run", "--epochs", "-1"], "--epochs: Input should be greater than or equal to 1, got -1"),
        (["run", "--jobs", "0"], "--jobs: Input should be greater than or equal to 1, got 0"),
        (["run", "--trials", "many"], "Invalid value for '--trials'"),
        (["run", "--seed", "-1"], "--seed: Input should be greater than or equal to 0"),
        (["run", "--trails", "3"], "No such option '--trails'"),
        (["runn"], "No such command 'runn'"),
        (["run", "--time-budget", "soon"], "--time-budget"),
        (["run", "--time-budget", "0"], "--time-budget: Input should be greater than 0"),
        (["run", "--config", "none.toml"], "--config: 'none.toml': no such file"),
        (["run", "--trial-timeout", "-1"], "--trial-timeout"),
        (["run", "--memory-limit", "800MB"], "--memory-limit: a worker needs at least 1GB, got '800MB'"),
        (["run", "--memory-limit", "4 apples"], "--memory-limit: a size is wanted, as 4GB or 1.5GiB, got '4 apples'"),
        (["run", "--memory-limit", "inf"], "--memory-limit: a size is wanted"),
        (
            ["run", "--enqueue", "none.json"],
            "--enqueue: 'none.json': no such file",
        ),
        (
            ["run", "--sampler-option", "start=5"],
            "sampler tpe takes only the option startup, got 'start'",
        ),
        (["run", "--sampler-option", "startup"], "--sampler-option: NAME=NUMBER is wanted"),
        (["run", "--sampler-option", "startup=x"], "--sampler-option.startup: Input should be a valid integer"),
        (["run", "--pruner-option", "warmup=0"], "--pruner-option.warmup: Input should be greater than or equal to 1"),
        (
            ["run", "--pruner", "hyperband", "--pruner-option", "factor=1"],
            "--pruner-option: factor must be at least 2, got 1",
        ),
        (
            ["run", "--pruner-option", "factor=3"],
            "--pruner-option: pruner median takes only the options startup and warmup, got 'factor'",
        ),
        (["run", "--epoch-budget", "0"], "--epoch-budget: Input should be greater than or equal to 1, got 0"),
        (["run", "--epoch-budget", "-20"], "--epoch-budget: Input should be greater than or equal to 1, got -20"),
        (
            ["run", "--epochs", "8", "--epoch-budget", "7"],
            "--epoch-budget: it must be enough for one trial, which has --epochs 8, got 7",
        ),
        (["run", "--stop-at", "nan"], "--stop-at: Input should be a finite number, got nan"),
        (["run", "--stop-at", "inf"], "--stop-at: Input should be a finite number, got inf"),
        (["run", "--stop-at", "high"], "Invalid value for '--stop-at'"),
        (["run", "s", "--warm-start", "none"], "unknown study 'none'"),
        (["run", "s", "--warm-start", "../x"], "a name is 1 to 64 of A-Z a-z 0-9 _ . -"),
        (["run", "s", "--warm-start", "s"], "--warm-start: the name of another study is wanted, got 's' for itself"),
        (["run", "--patience-trials", "0"], "--patience-trials: Input should be greater than or equal to 1, got 0"),
        (["run", "--sampler", "gp"], "sampler 'gp' needs PyTorch"),
        (["run", "--dataset", "digts"], "unknown dataset 'digts'. Did you mean 'digits'?"),
        (["run", "--dataset", "none.csv", "--target", "y"], "no such file"),
        (["run", "--dataset", "digits", "--target", "y"], "only .csv and .parquet have a target column"),
        (["run", "--dataset", "x.txt"], "a .csv, .parquet or .npz file is needed, got '.txt'"),
        (["status", "none"], "unknown study 'none'"),
        (["best", "none"], "unknown study 'none'"),
        (["export", "none"], "unknown study 'none'"),
        (["list", "a b"], "a name is 1 to 64 of A-Z a-z 0-9 _ . -"),
        (["predict", "x.npy", "--model", "none"], "--model: 'none' is no export"),
        (["predict", "x.npy"], "Missing option '--model'"),
        (["ui", "--port", "0"], "Invalid value for '--port'"),
        (["ui"], "no sweep has run in"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(here: Path, fails: Fails, arguments: list[str], said: str) -> None:
    if arguments[-1] == "gp":
        pytest.importorskip("optuna")
        try:
            import torch  # noqa: F401
        except ImportError:
            pass
        else:
            pytest.skip("PyTorch is installed here")
    assert said in fails(*arguments)
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "-x", ".x", "a b", "x" * 65, "naïve", "a\nb", "a;b", "a#b", "a%2fb", "\u202ex"],
)
def test_a_study_name_that_could_be_a_path_or_worse_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="a name is 1 to 64"):
        load_config({"study": name})


@pytest.mark.parametrize("name", ["a", "A-1_b.c", "x" * 64])
def test_a_plain_study_name_is_taken(name: str) -> None:
    assert load_config({"study": name}).study == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trials = ", "is not TOML"),
        ("trails = 3", "unknown option 'trails'. Did you mean 'trials'?"),
        ("trials = 3\ntrials = 4", "is not TOML"),
        ("trials = true", "--trials: a number is wanted, got True"),
        ("trials = 2.5", "--trials"),
        ("trials = nan", "--trials"),
        ('jobs = "two"', "--jobs"),
        ("epoch-budget = true", "--epoch-budget: a number is wanted, got True"),
        (
            "epoch-budget = 15\nepochs = 20",
            "--epoch-budget: it must be enough for one trial, which has --epochs 20, got 15",
        ),
        ("stop-at = true", "--stop-at: a number is wanted, got True"),
        ("stop-at = nan", "--stop-at: Input should be a finite number, got nan"),
        ("patience-trials = 0.5", "--patience-trials"),
        ("trials = 0", "--trials: Input should be greater than or equal to 1, got 0"),
        ("time-budget = -5", "--time-budget"),
        ("memory-limit = true", "--memory-limit: a size is wanted, as 4GB or 1.5GiB, got True"),
        ("- trials: 3", "is not TOML"),
    ],
)
def test_a_configuration_file_is_checked_key_by_key(here: Path, fails: Fails, text: str, said: str) -> None:
    (here / "sweep.toml").write_text(text)
    assert said in fails("run", "--config", "sweep.toml")
    assert [path.name for path in here.iterdir()] == ["sweep.toml"]


@pytest.mark.parametrize("text", ["{}", "[1]", "[{", "null", '"x"'])
def test_enqueued_trials_are_a_list_of_dictionaries(here: Path, fails: Fails, text: str) -> None:
    (here / "trials.json").write_text(text)
    assert "--enqueue" in fails("run", "--enqueue", "trials.json")
    assert [path.name for path in here.iterdir()] == ["trials.json"]


def test_the_command_line_wins_over_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        'study = "one"\ntrials = 3\nepochs = 5\ntime-budget = "2m"\n'
        "[sampler-options]\nstartup = 5\n"
        '[set]\nn_hidden = "1..3"\noptimizer = ["adam", "sgd"]\n'
    )
    config = load_config({"trials": 7, "epochs": None}, file)
    assert (config.study, config.trials, config.epochs, config.time_budget) == ("one", 7, 5, 120.0)
    assert config.set == ("n_hidden=1..3", "optimizer=adam,sgd")
    assert config.sampler_options == {"startup": 5}


@pytest.mark.parametrize(
    ("dataset", "space", "study"),
    [
        ("digits", "mlp", "digits-mlp"),
        ("some/where/houses.csv", "my/space.py:build", "houses-space.py-build"),
        ("x.npz", "module:function", "x-module-function"),
    ],
)
def test_a_study_without_a_name_is_called_after_its_data_and_space(dataset: str, space: str, study: str) -> None:
    assert load_config({"dataset": dataset, "space": space}).study == study
