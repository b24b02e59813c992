"""Where things lie: `runs/` and `exports/` in the current folder, `SWEEPS_HOME` moves the first."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sweeps.errors import InputError

STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_study_name(name: str) -> str:
    """The name itself.

    Raises:
        InputError: it is not a study's name; since names become folders, nothing else is let through.
    """
    if not STUDY_NAME.fullmatch(name):
        raise InputError(
            f"study: a name is 1 to 64 of A-Z a-z 0-9 _ . - and starts with a letter or digit, got {name!r}"
        )
    return name


def home() -> Path:
    """The workspace's absolute path (not made)."""
    return Path(os.environ.get("SWEEPS_HOME", "runs")).absolute()


def study_folder(study: str) -> Path:
    """What belongs to one study alone: its journal, checkpoints and report."""
    return home() / "studies" / check_study_name(study)


def journal(study: str) -> Path:
    """The study's Optuna journal."""
    return study_folder(study) / "journal.log"


def export_folder(study: str) -> Path:
    """Where `sweeps export` writes."""
    return Path("exports").absolute() / check_study_name(study)


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite file of the workspace."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home() / 'mlflow.db'}"


def artifact_root() -> str | None:
    """The artifacts' folder as a URI; None where a tracking server decides."""
    return None if os.environ.get("MLFLOW_TRACKING_URI") else (home() / "artifacts").as_uri()
