"""The files of `deploy/` can be read, and name scripts, commands and options that there are."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import distributed
import pytest
import yaml
from support import ROOT

from sweeps.cli.main import cli
from sweeps.config import load_config

DEPLOY = ROOT / "deploy"
SCRIPTS = sorted(file for file in DEPLOY.iterdir() if file.suffix in (".sh", ".sbatch"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_bash_can_read_a_script(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")


@pytest.mark.parametrize("what", ["scheduler", "worker"])
def test_dask_has_the_options_that_a_script_gives(what: str) -> None:
    text = (DEPLOY / f"{what}.sh").read_text()
    given = set(re.findall(r"(?<!\S)--[a-z-]+", text.partition("exec dask")[2]))
    done = subprocess.run([sys.executable, "-m", "dask", what, "--help"], capture_output=True, text=True, check=True)
    assert {"--no-dashboard", "--tls-key"} < given
    assert given <= set(re.findall(r"--[a-z-]+", done.stdout))


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """By name, those of the Compose file and of the Kubernetes manifest."""
    yield from yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].items()
    for document in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()):
        if template := document["spec"].get("template"):
            yield from ((one["name"], one) for one in template["spec"]["containers"])


def test_each_script_that_a_container_runs_is_there_and_no_port_is_published() -> None:
    found = dict(containers())
    assert {"postgres", "mlflow", "scheduler", "worker", "sweep"} <= found.keys()
    for name, container in found.items():
        words = " ".join(map(str, [*(container.get("entrypoint") or ()), *(container.get("command") or ())]))
        scripts = re.findall(r"/deploy/([a-z.]+)", words)
        assert bool(scripts) == (name not in ("postgres", "mlflow"))
        assert {DEPLOY / script for script in scripts} <= {*SCRIPTS}
        assert not any("hostPort" in port for port in container.get("ports", ()))
    assert "ports" not in yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["mlflow"]


@pytest.mark.parametrize("file", ["compose.yaml", "kubernetes.yaml"])
def test_the_sweep_that_a_file_runs_is_one_that_the_command_line_takes(file: str) -> None:
    if file == "compose.yaml":
        text = re.sub(r"\\\n#", " ", (DEPLOY / file).read_text())
        (line,) = re.findall(r"run --rm sweep (run .*)", text)
        words = line.split()
    else:
        (job,) = (one for name, one in containers() if name == "sweep" and "args" in one)
        words = [*job["command"][2:], *job["args"]]
    context = click.Context(cli.commands["run"], info_name="run")
    cli.commands["run"].parse_args(context, words[1:])
    given = {name.rstrip("_"): value for name, value in context.params.items() if value not in ((), None, False)}
    config = load_config(given)
    assert (config.cluster, config.storage) == ("tls://scheduler:8786", "postgresql://sweeps@postgres/sweeps")


def test_no_file_holds_a_password() -> None:
    for file in DEPLOY.iterdir():
        assert not re.search(r"postgresql[^\s]*://[^\s@/]*:[^\s@/]+@", file.read_text()), file


@pytest.mark.parametrize("kind", ["slurm", "kubernetes", "ssh"])
def test_a_description_has_arguments_that_its_class_takes(kind: str) -> None:
    ((table, given),) = tomllib.loads((DEPLOY / f"{kind}.toml").read_text()).items()
    assert table == kind
    if kind == "slurm":
        core, slurm = pytest.importorskip("dask_jobqueue.core"), pytest.importorskip("dask_jobqueue.slurm")
        takers = [core.JobQueueCluster, core.Job, slurm.SLURMJob]
    elif kind == "kubernetes":
        takers = [pytest.importorskip("dask_kubernetes.operator").KubeCluster]
    else:
        takers = [distributed.SSHCluster]
    assert given.keys() <= {name for taker in takers for name in inspect.signature(taker).parameters}
