"""`python -m benchmarks.large_study`: how long a study of many trials takes to read, and how much it weighs.

The study is that of a sweep whose trials train nothing (`benchmarks.no_op`); its records are as those of any other.
The same rows are then copied to PostgreSQL, and MLflow is asked again.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import psutil
import sqlalchemy as sa

from benchmarks.command import failure, sweep
from benchmarks.processes import environment
from benchmarks.scaling import Sizes, rates

_ROOT = Path(__file__).parents[1]
#: seconds until a study may be moved into a server that was just started: locks of others may be on their way back
_SETTLED = 15
#: commands of `sweeps` whose seconds are taken
COMMANDS = {
    "status": ("status", "bench", "--json"),
    "best": ("best", "bench", "--json"),
    "list": ("list", "bench", "--json"),
    "report": ("report", "bench"),
    "doctor": ("doctor", "bench"),
}
#: what MLflow is asked for, in a process that has imported it
SEARCH = """
import json, sys, time
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1])
experiment = client.get_experiment_by_name("bench").experiment_id
asked = {
    "the best 100 runs by a metric": dict(order_by=["metrics.best_val_accuracy DESC"], max_results=100),
    "the latest 100 runs": dict(max_results=100),
    "runs with a metric above a value": dict(filter_string="metrics.best_val_accuracy > 0.9", max_results=100),
    "runs with a parameter": dict(filter_string="params.optimizer = 'adam'", max_results=100),
    "one trial's run": dict(filter_string="tags.trial = '77'", max_results=1),
}
client.search_runs([experiment], max_results=1)
found = {}
for name, arguments in asked.items():
    began = time.perf_counter()
    client.search_runs([experiment], **arguments)
    found[name] = time.perf_counter() - began
print(json.dumps(found))
"""


@click.command()
@click.option("--trials", default=10_000, show_default=True)
@click.option("--workers", default=64, show_default=True)
@click.option("--space", default="", help="`mlp` trains digits for an epoch; by default nothing is trained.")
@click.option(
    "--workspace", type=click.Path(path_type=Path), help="Read the study `bench` of this one, and run no sweep."
)
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file.")
def main(trials: int, workers: int, space: str, workspace: Path | None, output: Path | None) -> None:
    """Run a sweep of many trials, and take the seconds that its study takes to read."""
    found: dict[str, Any] = {"trials": trials, "workers": workers}
    with contextlib.ExitStack() as stack:
        if workspace is None:
            workspace = stack.enter_context(_swept(trials, workers, space, found))
            _show(found, output)
        found["SQLite"] = measured(workspace, f"sqlite:///{workspace / 'mlflow.db'}")
        _show(found, output)
        if shutil.which("initdb"):
            address = stack.enter_context(postgres())
            uri = address.replace("postgresql", "postgresql+psycopg2", 1)
            copy(f"sqlite:///{workspace / 'mlflow.db'}", uri)
            imported = _seconds(workspace, uri, "import-journal", "bench", "--storage", address)
            found["PostgreSQL"] = {"import-journal, s": imported} | measured(workspace, uri)
            _show(found, output)


def _show(found: dict[str, Any], output: Path | None) -> None:
    """After each step: what comes after it may fail."""
    text = json.dumps(found, indent=1)
    click.echo(text)
    if output is not None:
        output.write_text(text + "\n")


def measured(workspace: Path, uri: str) -> dict[str, float]:
    """Seconds of the commands and of MLflow's searches, and sizes in MB, by what they are of."""

    def seconds(command: tuple[str, ...]) -> float:
        return statistics.median(_seconds(workspace, uri, *command) for _ in range(3))

    figures = {f"sweeps {name}, s": seconds(command) for name, command in COMMANDS.items()}
    asking = [sys.executable, "-c", SEARCH, uri]
    done = subprocess.run(asking, env=_environment(workspace, uri), capture_output=True, text=True, check=True)
    figures |= {f"MLflow: {name}, s": seconds for name, seconds in json.loads(done.stdout.splitlines()[-1]).items()}
    figures["journal, MB"] = (workspace / "studies/bench/journal.log").stat().st_size / 1e6
    return figures | _sizes(uri)


def _sizes(uri: str) -> dict[str, float]:
    engine = sa.create_engine(uri)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                pages, size = (connection.scalar(sa.text(f"PRAGMA page_{what}")) for what in ("count", "size"))
                return {"MLflow's database, MB": pages * size / 1e6}
            whole = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
            records = connection.scalar(sa.text("SELECT pg_total_relation_size('sweeps.records')"))
            return {"MLflow's database, MB": (whole - records) / 1e6, "the study's records, MB": records / 1e6}
    finally:
        engine.dispose()


def copy(source: str, target: str) -> None:
    """Copy all rows of an MLflow database into a new one of another kind."""
    from mlflow.store.db.utils import _initialize_tables

    read, write = sa.create_engine(source), sa.create_engine(target)
    _initialize_tables(write)
    known = sa.MetaData()
    known.reflect(bind=write)
    tables = [table for table in known.sorted_tables if table.name != "alembic_version"]
    there = sa.inspect(read).get_table_names()
    with read.connect() as rows, write.begin() as into:
        for table in reversed(tables):
            into.execute(table.delete())
        for table in tables:
            if table.name not in there:
                continue
            found = rows.execute(sa.select(table)).mappings()
            while part := found.fetchmany(5000):
                into.execute(table.insert(), [dict(row) for row in part])
        into.execute(sa.text("ANALYZE"))
    read.dispose()
    write.dispose()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of a temporary server."""
    as_user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if as_user:
        shutil.chown(folder, "nobody")
    data = str(folder / "data")

    def control(*words: str) -> None:
        subprocess.run([*as_user, *words], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    control("initdb", "-D", data, "-U", "me", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder}"
    control("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    time.sleep(_SETTLED)
    try:
        yield f"postgresql://me@127.0.0.1:{port}/postgres"
    finally:
        control("pg_ctl", "-D", data, "-m", "fast", "stop")
        shutil.rmtree(folder)


@contextlib.contextmanager
def _swept(trials: int, workers: int, space: str, found: dict[str, Any]) -> Iterator[Path]:
    """The workspace of a sweep, whose rate goes to `found`."""
    options = ("--trials", str(trials), "--epochs", "1", "--jobs", str(workers), "--no-report")
    chosen = {"space": space} if space else {}
    with sweep(_ROOT, *options, **chosen) as watched:  # type: ignore[arg-type]
        spent = memory = 0.0
        while not watched.wait(limit=5):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = watched.root.cpu_times()
                spent, memory = times.user + times.system, watched.root.memory_info().rss / 2**20
        if len(watched.ends) < trials:
            raise click.ClickException(failure(watched))
        found |= rates(watched.ends, Sizes(trials_with=workers))
        found |= {"seconds": watched.ends[-1], "driver's processor time, ms a trial": 1000 * spent / trials}
        found |= {"driver's memory, MB": memory}
        yield watched.folder / "runs"


def _seconds(workspace: Path, uri: str, *command: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "sweeps", *command],
        env=_environment(workspace, uri),
        cwd=workspace,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"sweeps {' '.join(command)}: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def _environment(workspace: Path, uri: str) -> dict[str, str]:
    return environment(workspace.parent) | {
        "SWEEPS_HOME": str(workspace),
        "MLFLOW_TRACKING_URI": "" if uri.startswith("sqlite") else uri,
    }


if __name__ == "__main__":
    main()
