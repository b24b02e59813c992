"""`sweeps run --detach`, `sweeps attach` and `sweeps stop`: a sweep in the background of this machine."""

from __future__ import annotations

import contextlib
import sys
import time

import click

from sweeps.errors import InputError
from sweeps.system import background, paths
from sweeps.system.background import Background
from sweeps.system.commands import hint

#: seconds between two looks at a sweep in the background, and that one gets to end in order
_INTERVAL, _PATIENCE = 0.2, 60.0
#: the option that is left out of the command in the background; none of the sweep's
DETACH = "--detach"


def _remember(context: click.Context, _: click.Parameter, is_given: bool) -> None:
    context.meta[DETACH] = is_given


detach_flag = click.option(
    DETACH,
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Run in the background: sweeps attach shows it, sweeps stop ends it.",
)


def is_asked_for() -> bool:
    """Whether the command that runs now has the option."""
    return bool(click.get_current_context().meta[DETACH])


def detach(study: str) -> None:
    """Run this command again in the background; return when its trials begin, or end with it.

    Raises:
        InputError: the study runs in the background already.
    """
    folder = paths.study_folder(study)
    if running := background.found(folder):
        raise InputError(
            f"study {study!r} runs in the background already (process {running.process.pid})\n"
            f"{hint('attach', study)} shows it, {hint('stop', study)} ends it"
        )
    arguments = [word for word in sys.argv[1:] if word != DETACH]
    made, child = background.begin(folder, arguments)
    try:
        while child.poll() is None and not made.has_begun():
            time.sleep(_INTERVAL)
    except KeyboardInterrupt:
        made.stop()
        child.wait()
    if child.poll() is not None:  # it had nothing to train, or could not begin
        click.echo(made.output.read_text(encoding="utf-8", errors="replace"), nl=False, err=bool(child.returncode))
        made.forget()
        sys.exit(child.returncode)
    click.echo(f"study {study} runs in the background (process {child.pid}); what it prints: {made.output}")
    click.echo(f"{hint('attach', study)} shows it, {hint('stop', study)} ends it")


@click.command()
@click.argument("study")
def attach(study: str) -> None:
    """Show what the sweep of STUDY in the background prints, until it ends; Ctrl-C leaves it running."""
    running = _running(study)
    with contextlib.suppress(KeyboardInterrupt), running.output.open(encoding="utf-8", errors="replace") as output:
        while True:
            is_running = running.is_running()  # before the last of its lines are read
            click.echo(output.read(), nl=False)
            if not is_running:
                return
            time.sleep(_INTERVAL)
    click.echo(f"\nthe sweep goes on; {hint('attach', study)} shows it again, {hint('stop', study)} ends it")


@click.command()
@click.argument("study")
def stop(study: str) -> None:
    """End the sweep of STUDY in the background, in order: its running trials go on when it is resumed."""
    running = _running(study)
    before = running.output.stat().st_size
    running.stop()
    deadline = time.monotonic() + _PATIENCE
    while running.is_running() and time.monotonic() < deadline:
        time.sleep(_INTERVAL)
    click.echo(running.output.read_bytes()[before:].decode(errors="replace"), nl=False)
    if running.is_running():
        raise InputError(f"study {study!r} has not ended after {_PATIENCE:g} s; its process is {running.process.pid}")
    click.echo(f"study {study} has ended; {hint('resume', study)} goes on")


def _running(study: str) -> Background:
    """The sweep of a study in the background.

    Raises:
        InputError: there is none.
    """
    running = background.found(paths.study_folder(study))
    if running is None:
        raise InputError(
            f"no sweep of study {study!r} runs in the background of this machine\n"
            f"{hint('status', study)} shows how far it has come; sweeps run … {DETACH} starts one"
        )
    return running
