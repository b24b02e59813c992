"""A study's storage for a page that shows it."""

from __future__ import annotations

from pathlib import Path

from optuna.storages import JournalStorage
from optuna.study._frozen import FrozenStudy

from sweeps.storage.journal import ReadOnly
from sweeps.study.attributes import IDENTITY

#: where Optuna keeps the names of a study's values
_NAMES = "study:metric_names"


class ShownStorage(JournalStorage):
    """The storage of a study: it follows the journal, and refuses what would change it.

    A study has no name for its value in Optuna's own terms; a page finds its objective there.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(ReadOnly(journal))

    def get_all_studies(self) -> list[FrozenStudy]:
        """The study, with the name of its objective."""
        found = super().get_all_studies()
        for study in found:
            if objective := study.user_attrs.get(IDENTITY, {}).get("objective"):
                study.system_attrs.setdefault(_NAMES, [objective])
        return found
