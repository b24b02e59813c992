"""`sweeps doctor`: is the study what it says it is?"""

from __future__ import annotations

import click

from sweeps import dense_kernels
from sweeps.cli.json_output import emit, json_flag
from sweeps.errors import CorruptStore
from sweeps.system.commands import hint


@click.command()
@click.argument("study")
@click.option("--fix", is_flag=True, help="Repair what can be repaired.")
@click.option("--rescore", is_flag=True, help="Also evaluate the exported model again; needs the data.")
@json_flag
def doctor(study: str, fix: bool, rescore: bool, as_json: bool) -> None:
    """Check study, MLflow record, files and export of STUDY against each other.

    Prints one line for each finding; the exit code is 5 if any of them is not repaired.
    """
    from sweeps.doctor import examine
    from sweeps.engine.test_rows import sample

    found = examine(study, fix, rescore, sample)
    if as_json:
        document = {
            "study": study,
            "dense_layers": dense_kernels.description(),
            "sound": found.consistent,
            "running": found.alive,
            "findings": [
                {"where": one.where, "what": one.what, "remedy": one.remedy, "mended": one in found.repaired}
                for one in found.findings
            ],
        }
        emit(document)
    else:
        for one in found.findings:
            click.echo(one.line(one in found.repaired))
        if found.consistent:
            click.echo(f"study {study} is consistent" + ("; a sweep of it is running" if found.alive else ""))
        click.echo(f"dense layers are trained {dense_kernels.description()}")
    if not found.consistent:
        left = [one for one in found.findings if one not in found.repaired]
        fixable = any(one.repair for one in left)
        raise CorruptStore(
            f"study {study!r}: {len(left)} of its findings above are not repaired"
            + (f"; repair what can be: {hint('doctor', study, '--fix')}" if fixable else "")
        )
