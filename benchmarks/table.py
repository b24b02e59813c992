"""The table of docs/benchmarks.md from results.json: `python -m benchmarks.table` writes it between its markers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from benchmarks import records
from benchmarks.goals import ratio, runs_of
from benchmarks.records import Results, Speed
from benchmarks.show import mean_accuracy, measured, spread, verdict, wanted
from benchmarks.ways import WAYS

Stored = TypeVar("Stored")

#: of the block of a page
MARKER = "bench"


def block(results: Results) -> str:
    """The text between the markers: the speed by way, the goals, the machine and the commands."""
    parts = [_speed(results.speed)] if results.speed else []
    parts += [_sweeps(results)] if results.sweeps else []
    parts += [_goals(results), _where(results)]
    return "\n\n".join(parts)


def replaced(text: str, block: str, marker: str = MARKER) -> str:
    """Replace the text between `<!-- MARKER -->` and `<!-- /MARKER -->`.

    Raises:
        ValueError: the markers are not in the text, each once and in order.
    """
    opening, closing = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end or opening in rest or closing in after:
        raise ValueError(f"the markers {opening} and {closing} must occur once each, in this order")
    return f"{before}{opening}\n{block}\n{closing}{after}"


def _speed(speed: Speed) -> str:
    epochs = sorted({run.epochs for run in speed.runs})
    head = ["way"]
    for each in epochs:
        head += [f"s/trial, {each} epochs", "÷ this", "mean val_accuracy"]
    rows = []
    for name, way in WAYS.items():
        row = [way.title]
        for each in epochs:
            runs, factor = runs_of(speed, name, each), ratio(speed, name, each)
            accuracy = mean_accuracy(runs)
            row += [
                spread([run.per_trial for run in runs], "{:.2f}") if runs else "-",
                "-" if factor is None else f"{factor:.1f}",
                "-" if accuracy is None else f"{accuracy:.4f}",
            ]
        rows.append(row)
    title = (
        f"{speed.dataset}; {len(speed.configurations)} configurations, batch size 32; median (range). "
        "Timed after imports and with the data in memory, for all alike (`CLOCK` in `benchmarks/speed.py`)."
    )
    return f"{title}\n\n{markdown(head, rows)}"


def _sweeps(results: Results) -> str:
    """What was measured from outside, a column for each label."""
    labels = sorted(results.sweeps, key=lambda label: (label != "before", label))
    measured = [results.sweeps[label] for label in labels]
    names = dict.fromkeys((of, figure) for each in measured for of in each.figures for figure in each.figures[of])
    rows = []
    for of, figure in names:
        values = [each.figures.get(of, {}).get(figure) for each in measured]
        rows.append([figure, *("-" if value is None else f"{value:,.4g}" for value in values)])
    heads = [
        f"{label} ({', '.join(sorted({*each.commits.values()}))})" for label, each in zip(labels, measured, strict=True)
    ]
    return f"How sweeps scale, watched from outside (`benchmarks/scaling.py`).\n\n{markdown(['figure', *heads], rows)}"


def _goals(results: Results) -> str:
    rows = [[goal.figure, wanted(goal), measured(goal), verdict(goal)] for goal in results.goals]
    return markdown(["figure", "goal", "measured", ""], rows)


def _where(results: Results) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return (
        f"{machine.cores} cores of {machine.cpu}; {versions}. "
        "`make bench` and `make bench-scale` measure this again, `python -m benchmarks.table` writes it here."
    )


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def update_page(page: Path, block: str | None, missing: str, marker: str = MARKER) -> None:
    """Replace the block of a page; exit with code 2 and a message where that is not possible.

    Args:
        block: the new block; None where there are no results.
        missing: the message where there is no block.
    """
    try:
        if block is None:
            raise ValueError(missing)
        page.write_text(replaced(page.read_text(encoding="utf-8"), block, marker), encoding="utf-8")
    except (OSError, ValueError) as error:
        click.echo(f"{page.name}: {getattr(error, 'strerror', None) or error}", err=True)
        sys.exit(2)


def page_command(
    load: Callable[[Path], Stored | None],
    block: Callable[[Stored], str],
    results: Path,
    page: Path,
    made_by: str,
    marker: str = MARKER,
) -> click.Command:
    """A command that writes the block of stored results into a page.

    Args:
        load: reads the results; None where there are none.
        results, page: the files, unless others are given.
        made_by: the command that makes the results.
    """

    @click.command(help=f"Write the tables of the last results into {page.name}.")
    @click.option("--results", type=click.Path(path_type=Path), default=results)
    @click.option("--page", type=click.Path(path_type=Path), default=page)
    def command(results: Path, page: Path) -> None:
        stored = load(results)
        missing = f"there are no results at {str(results)!r}; run: {made_by}"
        update_page(page, None if stored is None else block(stored), missing, marker)

    return command


main = page_command(Results.load, block, records.FILE, records.FILE.parents[1] / "docs/benchmarks.md", "make bench")


if __name__ == "__main__":
    main()
