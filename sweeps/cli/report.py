"""`sweeps report`: one HTML file that shows a study."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweeps.errors import InputError, Interrupted
from sweeps.system.commands import hint

if TYPE_CHECKING:
    import optuna
    from rich.console import Console

    from sweeps.report.sections import Section


report_flag = click.option(
    "--report/--no-report",
    default=None,
    help="Write the report at the end, which takes about 2 s.  [yes; SWEEPS_REPORT=0: no]",
)


@click.command()
@click.argument("study")
@click.option("--output", type=click.Path(path_type=Path), help="The file.  [report.html in the study's folder]")
@click.option(
    "--predictions",
    is_flag=True,
    help="Load the best model, and show how it predicts the validation rows: a confusion matrix with images that it "
    "confuses, or its errors.",
)
def report(study: str, output: Path | None, predictions: bool) -> None:
    """Write the report of STUDY: one HTML file with the winner, the leaderboard and all figures.

    It opens from disk and fetches nothing. It becomes an artifact of the sweep's MLflow run, too.
    """
    from sweeps.cli.command_line import repeated
    from sweeps.report import html
    from sweeps.study import results

    opened = results.open_study(study)
    more = [_on_validation_rows(opened)] if predictions else []
    file, unrecorded = html.write(study, repeated(opened), output, more)
    click.echo(str(file))
    if unrecorded:
        click.echo(f"not among the artifacts of the sweep's run: {unrecorded.splitlines()[0]}", err=True)


def write_at_end(study: str, screen: Console) -> None:
    """Write the report when a sweep has ended, unless it shows the study as it is. Whatever goes wrong with it is said,
    and does not make a sweep fail that has found something."""
    from sweeps.cli.command_line import repeated
    from sweeps.report import html
    from sweeps.study import results
    from sweeps.system import paths

    opened, file = results.open_study(study), paths.study_folder(study) / html.NAME
    if not results.top(opened, 1):
        return
    said = f"report  {os.path.relpath(file)}"
    made_of = [one for one in (paths.journal(study), paths.confirmation(study)) if one.is_file()]
    if not (file.is_file() and file.stat().st_mtime >= max(one.stat().st_mtime for one in made_of)):
        try:
            html.write(study, repeated(opened))
        except Interrupted:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            said = f"no report: {reason}; {hint('report', study)} tries it again"
    screen.print(said, markup=False, highlight=False, soft_wrap=True)


def _on_validation_rows(study: optuna.Study) -> Section:
    """How the best model predicts the rows that it was validated on."""
    from sweeps.confirm.confused import confused_images
    from sweeps.confirm.figures import figures
    from sweeps.engine.test_rows import validation_of
    from sweeps.report.sections import evaluated
    from sweeps.study import results
    from sweeps.study.attributes import PREPARED
    from sweeps.system.import_keras import import_keras

    best = results.best(study)
    trial = results.trial_of(study, best.run_id)
    if trial is not None and PREPARED in trial.user_attrs:
        raise InputError("--predictions: the space's fit prepares the data itself, so its model does not take the rows")
    uri, rows = best.model_uri, validation_of(study, best.run_id)
    import_keras()  # before MLflow imports it, which would print TensorFlow's messages
    from sweeps.export.logged_models import load_logged

    model, attributes = load_logged(study.study_name, uri), study.user_attrs
    pictures = confused_images(model, rows, attributes)
    return evaluated("validation", "On the validation rows", figures(model, rows, attributes), pictures)
