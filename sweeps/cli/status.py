"""`sweeps status`: how far a study is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import click

from sweeps.cli.json_output import emit, json_flag
from sweeps.errors import InputError

#: seconds between two looks of `--watch`
_INTERVAL = 2.0


@click.command()
@click.argument("study")
@click.option("--watch", is_flag=True, help="Refresh every two seconds until the sweep ends or Ctrl-C is pressed.")
@json_flag
def status(study: str, watch: bool, as_json: bool) -> None:
    """Show the number of trials of STUDY by state, and the best value."""
    from sweeps.study import results

    if watch and as_json:
        raise InputError("--watch or --json is wanted, got both")
    if watch:
        _watch(study)
        return
    if as_json:
        emit(asdict(results.status(results.open_study(study))))
        return
    for line in lines(study):
        click.echo(line)


def lines(study: str) -> list[str]:
    """How far a study is, in a few lines.

    Raises:
        InputError: there is no such study.
    """
    from sweeps.study import baselines, results
    from sweeps.study.attributes import DATA
    from sweeps.study.leaderboard import number

    opened = results.open_study(study)
    found = results.status(opened)
    epochs = f"{found.epochs_spent} epochs" + f", {found.epochs_saved} saved by pruning" * (found.epochs_saved > 0)
    of = "" if found.total is None else f", of {found.total} trials"
    counts, best = found.in_words or "none yet", number(found.best) or "none yet"
    said = [f"{found.study}: {counts}{of}; {epochs}; best_{found.objective} {best}"]
    if task := opened.user_attrs.get(DATA, {}).get("task"):
        said.append(f"task: {task}")
    return [*said, *baselines.sentences(opened)]


def _watch(study: str) -> None:
    """Until no sweep is running; Ctrl-C is how one stops before."""
    from sweeps.storage.shared import is_alive
    from sweeps.system import paths

    with contextlib.suppress(KeyboardInterrupt), _screen() as show:
        while True:
            alive = is_alive(paths.study_folder(study))
            show(lines(study), alive)
            if not alive:
                return
            time.sleep(_INTERVAL)


@contextlib.contextmanager
def _screen() -> Iterator[Callable[[list[str], bool], None]]:
    """Where the lines are shown: replaced on a terminal; elsewhere the first is printed whenever it changes."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from sweeps.cli.console import console

    out, printed = console(), [""]
    if out.is_terminal:
        with Live(console=out, auto_refresh=False) as live:
            yield lambda said, alive: live.update(
                Group(*map(Text, said), Text("a sweep is running" if alive else "no sweep is running", "dim")),
                refresh=True,
            )
        return

    def show(said: list[str], alive: bool) -> None:
        if said[0] != printed[-1]:
            printed.append(said[0])
            click.echo(said[0])

    yield show
