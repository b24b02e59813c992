"""`sweeps resume`: a study goes on with the options that it was run with."""

from __future__ import annotations

import sys

import click

from sweeps.cli.console import console
from sweeps.cli.output import LastingOutput
from sweeps.cli.report import report_flag, write_at_end
from sweeps.errors import InputError


@click.command()
@click.argument("study")
@click.option("--trials", type=int, help="Total number of trials of the study.  [as before]")
@click.option("--jobs", type=int, help="Trials that run at once.  [as before]")
@click.option("--time-budget", help="Stop the sweep after this time: 90s, 10m, 1.5h.")
@report_flag
def resume(study: str, trials: int | None, jobs: int | None, time_budget: str | None, report: bool | None) -> None:
    """Go on with STUDY: run the trials that it lacks, with the options that it was last run with.

    Limits of one call, such as --time-budget or --stop-at, are not among them.
    """
    from sweeps.engine import forkserver

    forkserver.start()  # it imports while this process does
    from sweeps.cli.command_line import config_of, given_by_program
    from sweeps.cli.sweep_view import run_sweep
    from sweeps.config import load_config
    from sweeps.study import results

    opened = results.open_study(study)
    if given := given_by_program(opened):
        raise InputError(f"study {study!r} has its {given} from a Python program: call sweeps.run again as there")
    known = config_of(opened).model_dump(exclude_unset=True)
    given_now = {"trials": trials, "jobs": jobs, "time_budget": time_budget, "report": report}
    config = load_config(known | {name: value for name, value in given_now.items() if value is not None})
    screen = console(LastingOutput(sys.stdout))
    run_sweep(config, screen)
    if config.report:
        write_at_end(study, screen)
