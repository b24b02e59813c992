"""The checkpoints of a study in its database, from which another machine continues the trials of a dead driver."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sweeps.storage.database import Database


class CheckpointTable:
    """One checkpoint a trial, by the number of the first attempt at it.

    A driver that was cut off may go on with an attempt whose retry another driver has begun: what it puts then is not
    taken, since the retry has a higher number.
    """

    def __init__(self, database: Database, study: str) -> None:
        self._database, self._study = database, study

    def put(self, number: int, attempt: int, content: bytes) -> None:
        """Replace the trial's checkpoint, unless it is of a later attempt.

        Raises:
            OSError: as `Database.do`.
        """
        self._execute(
            "INSERT INTO sweeps.checkpoints AS known (study, number, attempt, content) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (study, number) DO UPDATE SET attempt = excluded.attempt, content = excluded.content "
            "WHERE known.attempt <= excluded.attempt",
            self._study,
            number,
            attempt,
            content,
        )

    def content(self, number: int) -> bytes | None:
        """The trial's checkpoint; None where there is none."""
        query = "SELECT content FROM sweeps.checkpoints WHERE study = %s AND number = %s"
        row = self._database.do(lambda connection: connection.execute(query, [self._study, number]).fetchone())
        return row and row[0]

    def numbers(self) -> list[int]:
        """The trials that have one."""
        query = "SELECT number FROM sweeps.checkpoints WHERE study = %s ORDER BY number"
        rows = self._database.do(lambda connection: connection.execute(query, [self._study]).fetchall())
        return [number for (number,) in rows]

    def remove(self, number: int) -> None:
        """Remove the trial's checkpoint if there is one."""
        self._execute("DELETE FROM sweeps.checkpoints WHERE study = %s AND number = %s", self._study, number)

    def keep(self, numbers: Collection[int]) -> None:
        """Remove all but those of `numbers`."""
        query = "DELETE FROM sweeps.checkpoints WHERE study = %s AND number <> ALL(%s)"
        self._execute(query, self._study, list(numbers))

    def _execute(self, query: str, *values: Any) -> None:
        self._database.do(lambda connection: connection.execute(query, values))
