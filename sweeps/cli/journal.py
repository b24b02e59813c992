"""`sweeps import-journal` and `sweeps export-journal`: a study moves into a database, and back."""

from __future__ import annotations

import click


@click.command("import-journal")
@click.argument("study")
@click.option("--storage", metavar="ADDRESS", required=True, help="postgresql://USER@HOST/NAME")
def import_journal(study: str, storage: str) -> None:
    """Move STUDY from its journal file into a PostgreSQL database, for sweeps of it on several machines."""
    from sweeps.config import storage_address
    from sweeps.disk.alone import alone
    from sweeps.storage import shared
    from sweeps.system import paths
    from sweeps.trial import shared_checkpoints

    address = storage_address(storage)
    with alone(study):
        records = shared.move_in(paths.journal(study), address)
        shared_checkpoints.to_database(paths.study_folder(study))
    click.echo(f"study {study}: {records} records moved to {address}")


@click.command("export-journal")
@click.argument("study")
def export_journal(study: str) -> None:
    """Move STUDY from its database into its journal file; it is removed from the database."""
    from sweeps.disk.alone import alone
    from sweeps.storage import shared
    from sweeps.system import paths
    from sweeps.trial import shared_checkpoints

    with alone(study):
        shared_checkpoints.to_folder(paths.study_folder(study))
        records = shared.move_out(paths.journal(study))
    click.echo(f"study {study}: {records} records moved to {paths.journal(study)}")
