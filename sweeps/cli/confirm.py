"""`sweeps confirm`: the best trials trained again, and the winner among them."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from sweeps.cli.console import console
from sweeps.cli.json_output import emit, json_flag
from sweeps.cli.output import LastingOutput
from sweeps.errors import Interrupted
from sweeps.system.commands import hint, hints

if TYPE_CHECKING:
    from sweeps.confirm.run import Request
    from sweeps.study.confirmation import Confirmation


@click.command()
@click.argument("study")
@click.option(
    "--top",
    type=click.IntRange(1, 100),
    help="How many of the best trials are finalists.  [5, or as many as there are]",
)
@click.option(
    "--seeds", type=click.IntRange(2, 100), default=4, show_default=True, help="How often each is trained again."
)
@click.option("--jobs", type=click.IntRange(1, 1024), help="Runs at once.  [as many as trials in the sweep]")
@click.option("--space", help="The space, if its file has moved: path/to/file.py:function.")
@click.option("--again", is_flag=True, help="Look at the test rows although they were looked at; it is counted.")
@json_flag
def confirm(
    study: str, top: int | None, seeds: int, jobs: int | None, space: str | None, again: bool, as_json: bool
) -> None:
    """Check the winner of STUDY: train its best trials and the default configuration again.

    With 2,000 validation rows or more each is trained on other seeds, with fewer on folds of the training and
    validation rows. The winner is chosen by the new runs alone, and then evaluated on the test rows, once.
    Running the same command again continues an interrupted confirmation.
    """
    from sweeps.confirm.run import Request
    from sweeps.engine import forkserver

    forkserver.start()  # it imports while this process does
    request = Request(study, top, seeds, jobs, again)
    # the progress must not be in the way of the document
    screen = console(LastingOutput(sys.stderr if as_json else sys.stdout))
    found = run_confirm(request, screen, space)
    if as_json:
        emit(asdict(found))
    else:
        show(found, screen)


def run_confirm(request: Request, screen: Console, space: str | None = None) -> Confirmation:
    """Confirm a study, with progress.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM; the message holds the command that goes on.
        SweepError: see `sweeps.confirm.run.confirm`.
    """
    from sweeps.cli.confirm_progress import ConfirmProgress
    from sweeps.confirm.run import confirm
    from sweeps.system import signals

    line = command(request, space)
    signals.listen(f"ended at once; go on with\n  {line}")
    try:
        with ConfirmProgress(screen, request) as progress:
            return confirm(request, progress, space)
    except (KeyboardInterrupt, Interrupted) as stop:
        signum = stop.exit_code - 128 if isinstance(stop, Interrupted) else signal.SIGINT
        raise Interrupted(f"{str(stop) or 'interrupted'}; go on with\n  {line}", signum) from None


def command(request: Request, space: str | None = None) -> str:
    """The command line of a request."""
    words = []
    for flag, value in (
        ("--top", request.top),
        ("--seeds", request.seeds),
        ("--jobs", request.jobs),
        ("--space", space),
    ):
        if value is not None and (flag, value) != ("--seeds", 4):
            words += [flag, str(value)]
    return hint("confirm", request.study, *words, *["--again"] * request.again)


def show(found: Confirmation, screen: Console) -> None:
    """The finalists as a table, what it comes to, and what the test rows say."""
    from sweeps.study.confirmed import COLUMNS, cells, failures, said_of_test

    screen.print(f"{found.objective} on {len(found.seeds)} {found.method}, ± for 95 %", style="bold", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in COLUMNS:
        table.add_column(column, justify="left" if "trial" in column else "right")
    for index, finalist in enumerate(found.finalists):
        table.add_row(*cells(finalist, index == found.winner), style="bold" if index == found.winner else None)
    screen.print(table, markup=False)
    following = f"Next: {hints(found.study, 'best', 'report', 'export')}"
    for line in (*failures(found), found.conclusion, said_of_test(found), following):
        screen.print(line, markup=False, highlight=False, soft_wrap=True)
