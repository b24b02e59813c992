"""What `chapter.json` holds."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmarks.records import Goal, Machine

#: where `make bench-chapter` writes
FILE = Path(__file__).with_name("chapter.json")


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figures(_Record):
    """What one way came to; `validation` and `test` are accuracies, or RMSEs in 100,000 dollars.

    Attributes:
        seconds: of its process for a sweep, of the search from the import of the tuner on, of `fit`.
    """

    validation: float | None = None
    test: float | None = None
    seconds: float


class Row(_Record):
    """One result of the chapter.

    Attributes:
        name: a study of `chapter_sweeps.SWEEPS`, or a search of `chapter_tuner`.
        command: what is typed for ours.
        metric: "accuracy" or "rmse".
        chapter_validation, chapter_test: as printed in the chapter.
        theirs: the chapter's own code here; None where it was not run.
        ours: None where it was not run.
        passed_after: seconds from the start of the process to the end of the first epoch whose validation figure
            is at least the chapter's; None where that is not asked or did not happen.
    """

    name: str
    section: str
    command: str
    metric: str
    chapter_validation: float | None = None
    chapter_test: float | None = None
    theirs: Figures | None = None
    ours: Figures | None = None
    passed_after: float | None = None


class ChapterResults(_Record):
    """All of `chapter.json`; `left_out` says what was not run, and why."""

    machine: Machine
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...] = ()
    left_out: tuple[str, ...] = ()


def load(file: Path = FILE) -> ChapterResults | None:
    """What an earlier run wrote; None without one."""
    return ChapterResults.model_validate_json(file.read_text(encoding="utf-8")) if file.is_file() else None


def save(results: ChapterResults, file: Path = FILE) -> None:
    """Write it so that a difference can be read line by line."""
    file.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
