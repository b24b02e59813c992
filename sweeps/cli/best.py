"""`sweeps best`: the best trial of a study."""

from __future__ import annotations

from dataclasses import asdict

import click

from sweeps.cli.json_output import emit, json_flag
from sweeps.system.commands import hint


@click.command()
@click.argument("study")
@json_flag
def best(study: str, as_json: bool) -> None:
    """Show the best trial of STUDY: hyperparameters, value, MLflow run and model."""
    from sweeps.study import baselines, confirmation, results
    from sweeps.study.rounds import rounds_of

    opened = results.open_study(study)
    found = results.best(opened)
    if as_json:
        emit(asdict(found))
        return
    value = f"{found.value:.4f}"
    if found.rounds:
        value += f" (mean of {rounds_of(opened)}, standard deviation {found.rounds['std']:.4f})"
    click.echo(f"best_{found.objective} {value}  {found.name}, epoch {found.epoch} of study {found.study}")
    for name, value in found.params.items():
        click.echo(f"  {name} = {value}")
    for sentence in (*baselines.sentences(opened), confirmation.sentence(found.confirmation, study)):
        click.echo(sentence)
    click.echo(f"run    {found.run_id}")
    if found.model_uri:
        click.echo(f"model  {found.model_uri}\nexport it with: {hint('export', found.study)}")
