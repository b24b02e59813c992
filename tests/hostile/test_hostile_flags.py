"""Flags and the environment: refused before any process is started."""

from __future__ import annotations

from typing import Any

import pytest

from hostile.cases import Hostile, hostile
from hostile.conftest import Refused

RUN = ["run", "s"]


def run(name: str, option: str, value: str, *says: str) -> Any:
    return hostile(name, [*RUN, option, value], option.strip("-"), *says)


FLAGS = [
    run("no trials", "--trials", "0", "greater than or equal to 1", "got 0"),
    run("fewer than no trials", "--trials", "-3", "greater than or equal to 1", "got -3"),
    run("trials without end", "--trials", "1000000001", "less than or equal to 1000000", "got 1000000001"),
    run("half a trial", "--trials", "2.5", "'2.5'", "integer"),
    run("trials in words", "--trials", "many", "'many'", "integer"),
    run("trials with an underscore's end", "--trials", "_", "'_'", "integer"),
    run("no epochs", "--epochs", "0", "greater than or equal to 1", "got 0"),
    run("epochs without end", "--epochs", "1e9", "'1e9'", "integer"),
    run("no jobs", "--jobs", "0", "greater than or equal to 1", "got 0"),
    run("a million processes", "--jobs", "1000000", "less than or equal to 1024", "got 1000000"),
    run("a seed below 0", "--seed", "-1", "greater than or equal to 0", "got -1"),
    run("a seed beyond 32 bits", "--seed", "4294967296", "less than 4294967296", "got 4294967296"),
    run("no time", "--time-budget", "0", "greater than 0", "got '0'"),
    run("time that runs back", "--time-budget", "-5m", "got '-5m'"),
    run("time in words", "--time-budget", "soon", "got 'soon'", "10m"),
    run("time without end", "--time-budget", "inf", "got 'inf'"),
    run("time that is no number", "--time-budget", "nan", "got 'nan'"),
    run("a time beyond floats", "--time-budget", "9" * 400 + "d", "less than or equal to"),
    run("an unknown sampler", "--sampler", "tpa", "'tpa'", "Did you mean 'tpe'", "Allowed:"),
    run("a sampler that unpickles", "--sampler", "cmaes", "'cmaes'", "Allowed:"),
    run("an unknown pruner", "--pruner", "hyperbend", "'hyperbend'", "Did you mean 'hyperband'", "Allowed:"),
    run("a name that is code", "--pruner", "__import__('os')", "Allowed:"),
    hostile("an unknown dataset", [*RUN, "--dataset", "digts"], "'digts'", "Did you mean 'digits'", "Allowed:"),
    hostile("no dataset", [*RUN, "--dataset", ""], "dataset ''", "Allowed:"),
    hostile("a target for arrays", [*RUN, "--target", "y"], "target", "'y'", ".csv and .parquet"),
    hostile("an unknown option", [*RUN, "--trails", "3"], "'--trails'", "Did you mean", "'--trials'"),
    hostile("an option without its value", [*RUN, "--trials"], "'--trials'", "requires an argument"),
    hostile("two studies", ["run", "a", "b"], "unexpected extra argument (b)"),
    hostile("an unknown command", ["rum"], "'rum'", "Did you mean"),
    hostile("no configuration file", [*RUN, "--config", "none.toml"], "--config", "'none.toml'", "no such file"),
    hostile("no enqueued trials", [*RUN, "--enqueue", "none.json"], "--enqueue", "'none.json'", "no such file"),
    hostile("no rows to predict", ["predict", "x.npy", "--model", "m", "--rows", "0"], "'--rows'", "x>=1"),
    hostile("a prediction without a model", ["predict", "x.npy"], "'--model'"),
    hostile("port 0", ["ui", "--port", "0"], "'--port'", "1<=x<=65535"),
    hostile("a port beyond ports", ["ui", "--port", "70000"], "'--port'", "1<=x<=65535"),
]


@pytest.mark.parametrize("case", FLAGS)
def test_a_hostile_flag_is_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


ENVIRONMENT = [
    ("MLFLOW_TRACKING_URI", "ftp://example.org", ("MLFLOW_TRACKING_URI", "'ftp'", "sqlite", "https")),
    ("MLFLOW_TRACKING_URI", "http://", ("MLFLOW_TRACKING_URI", "host")),
    ("MLFLOW_TRACKING_URI", "http://host:port", ("MLFLOW_TRACKING_URI", "port")),
    ("MLFLOW_TRACKING_URI", "http://host:99999", ("MLFLOW_TRACKING_URI", "port")),
    ("MLFLOW_TRACKING_URI", "mlruns", ("MLFLOW_TRACKING_URI", "'mlruns'", "sqlite")),
    ("SWEEPS_HOME", "a\a\n", ("SWEEPS_HOME", "'a\\x07\\n'")),
]


@pytest.mark.parametrize(("variable", "value", "says"), ENVIRONMENT)
def test_a_hostile_environment_is_refused(
    variable: str, value: str, says: tuple[str, ...], refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    refused(Hostile(("run", "s"), says))
