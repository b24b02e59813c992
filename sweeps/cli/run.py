"""`sweeps run`: run the trials that a study lacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from sweeps.cli import background
from sweeps.cli.console import console
from sweeps.cli.output import LastingOutput
from sweeps.cli.report import report_flag, write_at_end
from sweeps.cli.table_options import table_options


@click.command()
@click.argument("study", required=False)
@click.option(
    "--dataset", help="digits, california_housing, fashion_mnist, mnist, or a .csv, .parquet or .npz file.  [digits]"
)
@table_options
@click.option("--space", help="mlp, mlp_per_layer, …, module:function or path/to/file.py:function.  [mlp]")
@click.option("--trials", type=int, help="Total number of trials of the study.  [20]")
@click.option("--epochs", type=int, help="Epochs of each trial; the maximum, with --set epochs=5..10.  [20]")
@click.option(
    "--folds",
    type=int,
    help="Train each trial on this many folds of the training and validation rows; its value is the mean.  [none]",
)
@click.option("--repeats", type=int, help="Train each trial from this many seeds; its value is the mean.  [none]")
@click.option("--jobs", type=int, help="Trials that run at once, each in its own process.  [number of cores]")
@click.option(
    "--cluster",
    metavar="ADDRESS|FILE",
    help="Run the trials on the workers of a Dask scheduler: tcp://host:8786 or tls://host:8786; or of a cluster that "
    "a .toml file describes: Slurm, Kubernetes or SSH.  [this machine]",
)
@click.option(
    "--workers",
    metavar="NUMBER",
    help="How many workers to start of a described cluster: 8, or 4..64, as many as trials are missing.",
)
@click.option(
    "--resources",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Use only workers of the cluster that announce this: GPU=1 (dask worker --resources GPU=1). Repeatable.",
)
@click.option(
    "--storage",
    metavar="ADDRESS",
    help="Keep the study in a PostgreSQL database, for sweeps of it on several machines: postgresql://USER@HOST/NAME.  "
    "[a journal file]",
)
@click.option("--seed", type=int, help="The source of all randomness.  [0]")
@click.option("--sampler", help="tpe, tpe-multivariate, random, grid, gp, qmc or nsga2.  [tpe]")
@click.option(
    "--sampler-option",
    "sampler_options",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of tpe, tpe-multivariate and gp: startup=20 draws 20 trials at random first (--sampler tpe-20: deprecated). "
    "Of grid: ordered=1 begins with the defaults and varies the last hyperparameter fastest.",
)
@click.option("--pruner", help="median, percentile, hyperband, asha, wilcoxon or none.  [median]")
@click.option(
    "--pruner-option",
    "pruner_options",
    multiple=True,
    metavar="NAME=NUMBER",
    help="Of median and percentile: startup=5 trials pass before any is ended, each has warmup=3 epochs. "
    "Of hyperband: factor=4 lets one trial in four go on (--pruner hyperband-4: deprecated).",
)
@click.option(
    "--objective",
    multiple=True,
    metavar="NAME",
    help="A metric of the epochs' logs: NAME, NAME:min or NAME:max; NAME:train for a metric of the training rows.  "
    "[val_accuracy or val_rmse] May be repeated: trials are pruned and the best one is chosen by the first; the "
    "others may also be n_params, model_bytes, train_seconds or latency_ms.",
)
@click.option(
    "--constraint",
    multiple=True,
    metavar="NAME<=NUMBER",
    help="A limit that the best trial must satisfy, on a metric of the logs, n_params, model_bytes (trials that exceed "
    "these two are not trained), train_seconds or latency_ms: 'n_params<=200000', 'val_precision>=0.9'. Repeatable.",
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
@click.option(
    "--start",
    metavar="portfolio|default|none",
    help="Train first, where nothing is enqueued: the defaults and configurations that were good on other data (of "
    "mlp and mlp_per_layer), the defaults, or nothing.  [portfolio]",
)
@click.option("--warm-start", metavar="STUDY", help="Begin with the five best configurations of another study.")
@click.option("--time-budget", help="Stop the sweep after this time: 90s, 10m, 1.5h.")
@click.option("--epoch-budget", type=int, help="Epochs of all trials together; what pruned trials leave buys others.")
@click.option("--stop-at", type=float, metavar="VALUE", help="Stop once the objective has this value: 0.9.")
@click.option("--patience-trials", type=int, help="Stop after this many trials without a better value.")
@click.option("--trial-timeout", help="End a trial that runs longer, even if it hangs: 10m, 1h.  [never]")
@click.option("--memory-limit", help="End a worker that uses more memory: 4GB.  [its share of the machine's memory]")
@click.option(
    "--keep-models",
    metavar="all|best:N",
    help="Which models stay on the disk: all, or those of the best N trials.  [all; of 200 trials or more best:50]",
)
@click.option(
    "--baselines/--no-baselines",
    default=None,
    help="Compare with the majority class or the mean, a linear model and gradient boosting.  "
    "[on; SWEEPS_BASELINES=0: off]",
)
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
    "--confirm",
    is_flag=True,
    default=None,
    help="Check the winner at the end, as sweeps confirm does with its defaults.",
)
@background.detach_flag
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with the same options; the command line has precedence.",
)
@report_flag
def run(config: Path | None, **options: Any) -> None:
    """Run a sweep: all trials of a new STUDY, or those that it still lacks.

    STUDY is DATASET-SPACE by default. Running the same command again continues an interrupted sweep.
    """
    from sweeps.engine import forkserver

    detached = background.is_asked_for()
    if not options["cluster"] and not detached:
        forkserver.start()  # it imports while this process does
    from sweeps.cli.sweep_view import run_sweep
    from sweeps.config import load_config

    given = {name.rstrip("_"): value for name, value in options.items() if value != ()}  # set_ is a name of Python's
    if detached:
        background.detach(load_config(given, config).study)
        return
    sweep, screen = load_config(given, config), console(LastingOutput(sys.stdout))
    run_sweep(sweep, screen)
    if sweep.confirm:
        from sweeps.cli.confirm import run_confirm, show
        from sweeps.confirm.run import Request

        show(run_confirm(Request(sweep.study), screen), screen)
    if sweep.report:
        write_at_end(sweep.study, screen)
