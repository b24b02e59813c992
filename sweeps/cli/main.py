"""The command line; `sweeps --help` lists the commands."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from sweeps.cli.background import attach, stop
from sweeps.cli.best import best
from sweeps.cli.clean import clean
from sweeps.cli.compare import compare
from sweeps.cli.confirm import confirm
from sweeps.cli.continue_ import continue_
from sweeps.cli.dashboard import dashboard
from sweeps.cli.data import data
from sweeps.cli.delete import delete
from sweeps.cli.doctor import doctor
from sweeps.cli.env import env
from sweeps.cli.export import export
from sweeps.cli.importance import importance
from sweeps.cli.journal import export_journal, import_journal
from sweeps.cli.list_ import list_
from sweeps.cli.lr_range import lr_range
from sweeps.cli.output import drop
from sweeps.cli.predict import predict
from sweeps.cli.report import report
from sweeps.cli.resume import resume
from sweeps.cli.run import run
from sweeps.cli.serve import serve
from sweeps.cli.status import status
from sweeps.cli.tensorboard import tensorboard
from sweeps.cli.ui import ui
from sweeps.errors import InputError, Interrupted, MachineFault, SweepError, machine_fault, not_importable
from sweeps.system import signals
from sweeps.system.commands import INSTALLED, PROGRAM, by_make


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="keras-sweeps")
def cli() -> None:
    """Hyperparameter sweeps for Keras."""


for command in (
    *(run, attach, stop, resume, status, list_, best, confirm, importance, compare, report, export, predict, serve),
    *(data, continue_, lr_range, doctor, clean, delete, import_journal, export_journal),
    *(env, ui, dashboard, tensorboard),
):
    cli.add_command(command)


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
    path = context.command_path if context else PROGRAM
    return f"{INSTALLED}{path.removeprefix(PROGRAM)}" if by_make() else path
