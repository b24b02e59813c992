"""`sweeps best`: the best trial of a study."""

from __future__ import annotations

from dataclasses import asdict

import click

from sweeps.cli.json_output import emit, json_flag
from sweeps.system.commands import hint


@click.command()
@click.argument("study")
@click.option(
    "--within",
    "margin",
    metavar="MARGIN",
    help="Show the smallest model whose value is within this margin of the best: 0.5% of it, or 0.005.",
)
@json_flag
def best(study: str, margin: str | None, as_json: bool) -> None:
    """Show the best trial of STUDY: hyperparameters, value, MLflow run and model."""
    from sweeps.cli.console import console
    from sweeps.cli.trial_table import show
    from sweeps.study import baselines, confirmation, pareto, results, within
    from sweeps.study.leaderboard import leaderboard
    from sweeps.study.rounds import rounds_of

    asked = None if margin is None else within.parse_margin(margin)
    opened = results.open_study(study)
    found = results.best(opened) if asked is None else within.best_within(opened, asked)
    if as_json:
        emit(asdict(found))
        return
    value = f"{found.value:.4f}"
    if found.rounds:
        value += f" (mean of {rounds_of(opened)}, standard deviation {found.rounds['std']:.4f})"
    size = "" if found.n_params is None else f", {found.n_params:,} parameters"
    click.echo(f"best_{found.objective} {value}  {found.name}, epoch {found.epoch} of study {found.study}{size}")
    if chosen := within.sentence(found):
        click.echo(chosen)
    for name, value in found.params.items():
        click.echo(f"  {name} = {value}")
    if found.pareto and asked is None:
        click.echo(f"{pareto.sentence(opened)}:")
        rows = results.rows(opened)
        show(console(), leaderboard(opened, [rows[one["trial"]] for one in found.pareto]))
    for sentence in (*baselines.sentences(opened), confirmation.sentence(found.confirmation, study)):
        click.echo(sentence)
    click.echo(f"run    {found.run_id}")
    if found.model_uri:
        other = [] if found.run_id == results.best(opened).run_id else ["--trial", str(found.trial)]
        click.echo(f"model  {found.model_uri}")
        click.echo(f"export it with: {hint('export', study, *other)}")
