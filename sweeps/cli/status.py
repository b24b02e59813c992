"""`sweeps status`: how far a study is."""

from __future__ import annotations

from dataclasses import asdict

import click

from sweeps.cli.json_output import emit, json_flag


@click.command()
@click.argument("study")
@json_flag
def status(study: str, as_json: bool) -> None:
    """Show the number of trials of STUDY by state, and the best value."""
    from sweeps.study import baselines, results
    from sweeps.study.attributes import DATA

    opened = results.open_study(study)
    found = results.status(opened)
    if as_json:
        emit(asdict(found))
        return
    counts = ", ".join(f"{n} {state}" for state, n in found.trials.items() if n) or "none yet"
    best = f"{found.best:.4f}" if found.best is not None else "none yet"
    epochs = f"{found.epochs_spent} epochs" + f", {found.epochs_saved} saved by pruning" * (found.epochs_saved > 0)
    of = "" if found.total is None else f", of {found.total} trials"
    click.echo(f"{found.study}: {counts}{of}; {epochs}; best_{found.objective} {best}")
    if task := opened.user_attrs.get(DATA, {}).get("task"):
        click.echo(f"task: {task}")
    for sentence in baselines.sentences(opened):
        click.echo(sentence)
