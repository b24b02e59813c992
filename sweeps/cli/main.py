"""The command line; `sweeps --help` lists the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from sweeps.cli.continue_ import continue_
from sweeps.cli.doctor import doctor
from sweeps.cli.env import env
from sweeps.cli.json_output import emit, json_flag
from sweeps.cli.lr_range import lr_range
from sweeps.cli.output import LastingOutput, drop
from sweeps.cli.tensorboard import tensorboard
from sweeps.errors import InputError, Interrupted, MachineFault, SweepError, machine_fault, not_importable
from sweeps.system import signals

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="keras-sweeps")
def cli() -> None:
    """Hyperparameter sweeps for Keras."""


@cli.command()
@click.argument("study", required=False)
@click.option(
    "--dataset", help="digits, california_housing, fashion_mnist, mnist, or a .csv, .parquet or .npz file.  [digits]"
)
@click.option("--target", help="The column to predict, in a .csv or .parquet file.")
@click.option("--task", help="classification, regression or multi_label; inferred from the target by default.")
@click.option("--weight-column", help="The column of sample weights, in a .csv or .parquet file.")
@click.option("--space", help="mlp, mlp_per_layer, …, module:function or path/to/file.py:function.  [mlp]")
@click.option("--trials", type=int, help="Total number of trials of the study.  [20]")
@click.option("--epochs", type=int, help="Epochs of each trial; the maximum, with --set epochs=5..10.  [10]")
@click.option("--jobs", type=int, help="Trials that run at once, each in its own process.  [number of cores]")
@click.option("--seed", type=int, help="The source of all randomness.  [0]")
@click.option("--sampler", help="tpe, tpe-multivariate, random, grid, gp, qmc or nsga2.  [tpe]")
@click.option(
    "--sampler-option",
    "sampler_options",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of tpe, tpe-multivariate and gp: startup=20 draws 20 trials at random first (--sampler tpe-20: deprecated).",
)
@click.option("--pruner", help="none, median, percentile, hyperband, asha or wilcoxon.  [hyperband]")
@click.option(
    "--pruner-option",
    "pruner_options",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of hyperband: factor=4 lets one trial in four go on (--pruner hyperband-4: deprecated).",
)
@click.option(
    "--objective",
    help="A metric of the epochs' logs: NAME, NAME:min or NAME:max; NAME:train for a metric of the training rows.  "
    "[val_accuracy or val_rmse]",
)
@click.option("--class-weight", help="balanced, or weights by class as JSON or a .json file: '{\"3\": 2.0}'.")
@click.option(
    "--metrics", multiple=True, metavar="NAMES", help="Additional Keras metrics by name: f1_score,auc. May be repeated."
)
@click.option(
    "--callback",
    multiple=True,
    metavar="FILE.py:FUNCTION",
    help="A function that returns a Keras callback, called for each trial; or module:function. May be repeated.",
)
@click.option("--patience", type=int, help="Stop a trial after this many epochs without improvement.")
@click.option(
    "--set",
    "set_",
    multiple=True,
    metavar="NAME=VALUES",
    help="Narrow a hyperparameter: n_hidden=1..4, optimizer=adam, n_neurons=64,128. May be repeated.",
)
@click.option(
    "--enqueue", type=click.Path(path_type=Path), help="JSON file: a list of hyperparameter dictionaries to run first."
)
@click.option("--time-budget", help="Stop the sweep after this time: 90s, 10m, 1.5h.")
@click.option("--trial-timeout", help="End a trial that runs longer, even if it hangs: 10m, 1h.  [never]")
@click.option("--memory-limit", help="End a worker that uses more memory: 4GB.  [its share of the machine's memory]")
@click.option(
    "--allow-lambda",
    is_flag=True,
    default=None,
    help="Accept models with lambdas, and run them when models of this study are loaded: only for code that you trust.",
)
@click.option(
    "--accept-changed-space",
    is_flag=True,
    default=None,
    help="Continue although the space has been edited since the study was started; each trial records its version.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with the same options; the command line has precedence.",
)
def run(config: Path | None, **options: Any) -> None:
    """Run a sweep: all trials of a new STUDY, or those that it still lacks.

    STUDY is DATASET-SPACE by default. Running the same command again continues an interrupted sweep.
    """
    from sweeps.cli.run import run_sweep
    from sweeps.config import load_config

    given = {name.rstrip("_"): value for name, value in options.items() if value != ()}  # set_ is a name of Python's
    run_sweep(load_config(given, config), console(LastingOutput(sys.stdout)))


@cli.command()
@click.argument("study")
@json_flag
def status(study: str, as_json: bool) -> None:
    """Show the number of trials of STUDY by state, and the best value."""
    from sweeps.study import results

    found = results.status(results.open_study(study))
    if as_json:
        emit(asdict(found))
        return
    counts = ", ".join(f"{n} {state}" for state, n in found.trials.items() if n) or "none yet"
    best = f"{found.best:.4f}" if found.best is not None else "none yet"
    click.echo(f"{found.study}: {counts}, of {found.total} trials; best_{found.objective} {best}")


@cli.command("list")
@click.argument("study")
@json_flag
def list_(study: str, as_json: bool) -> None:
    """List all trials of STUDY."""
    from sweeps.cli.progress import as_text
    from sweeps.study import results

    opened = results.open_study(study)
    rows = results.rows(opened)
    if as_json:
        emit([asdict(row) for row in rows])
        return
    table = Table(box=None, header_style="dim")
    metric, epochs = results.status(opened).objective, results.value_epochs(opened)
    for column in ("trial", "state", metric, "epoch", "seconds", "parameters or error"):
        table.add_column(column, overflow="fold")
    for row in rows:
        value = "" if row.value is None else f"{row.value:.4f}"
        seconds = "" if row.seconds is None else f"{row.seconds:.1f}"
        epoch = str(epochs.get(row.number, ""))
        table.add_row(str(row.number), row.state, value, epoch, seconds, row.error or as_text(row.params))
    console().print(table, markup=False)


@cli.command()
@click.argument("study")
@json_flag
def best(study: str, as_json: bool) -> None:
    """Show the best trial of STUDY: hyperparameters, value, MLflow run and model."""
    from sweeps.study import results

    found = results.best(results.open_study(study))
    if as_json:
        emit(asdict(found))
        return
    click.echo(
        f"best_{found.objective} {found.value:.4f}  trial {found.trial}, epoch {found.epoch} of study {found.study}"
    )
    for name, value in found.params.items():
        click.echo(f"  {name} = {value}")
    click.echo(f"run    {found.run_id}\nmodel  {found.model_uri}\nexport it with: sweeps export {found.study}")


@cli.command()
@click.argument("study")
@click.option("--force", is_flag=True, help="Replace an existing export.")
@click.option("--space", help="The space, if its file has moved: path/to/file.py:function.")
def export(study: str, force: bool, space: str | None) -> None:
    """Export the best model of STUDY to exports/STUDY, and register it in MLflow as champion."""
    from sweeps.export.export import export_best

    click.echo(export_best(study, force, space))


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", required=True, type=click.Path(path_type=Path), help="The folder of an export: exports/STUDY.")
@click.option("--rows", type=click.IntRange(1), default=10, show_default=True, help="How many rows to predict.")
@json_flag
def predict(file: Path, model: Path, rows: int, as_json: bool) -> None:
    """Predict the rows of FILE (.npy, .npz, .csv, .parquet) with an exported model.

    Prints class names and probabilities, or numbers for a regression; the raw outputs where their meaning is unknown.
    """
    from sweeps.export.predict import predict_file

    predictions = predict_file(model, file, rows)
    if as_json:
        emit(predictions)
        return
    for row in predictions:
        click.echo("  ".join(f"{name} {value}" for name, value in row.items()))


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port of the server.")
def ui(port: int) -> None:
    """Open the MLflow UI of this workspace on 127.0.0.1."""
    from sweeps.cli.ui import serve

    serve(port)


cli.add_command(doctor)
cli.add_command(lr_range)
cli.add_command(tensorboard)
cli.add_command(continue_)
cli.add_command(env)


def console(file: Any = None) -> Console:
    """Where tables and progress go: standard output; as wide as the terminal, or as its lines where it is none."""
    return Console(file=file, width=None if sys.stdout.isatty() else 1000)


def main(arguments: Iterable[str] | None = None) -> None:
    """The console script: errors in a line or two, exit codes as `sweeps.errors` gives them."""
    signals.raise_at_once()
    try:
        cli.main(args=list(arguments) if arguments is not None else None, prog_name="sweeps", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        fail(InputError(f"{error.format_message()}\nSee: {_usage(error)} --help"))
    except SweepError as error:
        fail(error)
    except (KeyboardInterrupt, click.Abort):
        fail(Interrupted("interrupted"))
    except (ImportError, MemoryError) as error:
        fail(not_importable(error))
    except BrokenPipeError:  # `sweeps list | head`
        drop(sys.stdout)
        sys.exit(141)
    except OSError as error:
        if (fault := machine_fault(error)) is None:
            raise
        if not error.filename:  # of standard output
            drop(sys.stdout)
        fail(MachineFault(fault))


def fail(error: SweepError) -> None:
    """Say what is wrong on standard error and leave with its exit code."""
    try:
        click.echo(f"sweeps: {error}", err=True)
    except OSError:
        drop(sys.stderr)
    sys.exit(error.exit_code)


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context else "sweeps"
