"""Where things lie: `runs/` and `exports/` in the current folder, `SWEEPS_HOME` moves the first."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from sweeps.errors import InputError

#: how the URIs of tracking stores begin
SERVERS, DATABASES = ("http", "https"), ("sqlite", "postgresql", "mysql", "mssql")

#: the folder, in a study's, of the runs that confirm its winner
CONFIRM = "confirm"
#: the folder of running trials' checkpoints in a study's folder
CHECKPOINTS = "checkpoints"

#: bytes of a path that SQLite opens, and the journal beside it
_LONGEST = 500

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
    """The workspace's absolute path (not made).

    Raises:
        InputError: `SWEEPS_HOME` cannot be a folder's name, or the current folder's name cannot be written in a line.
    """
    name = os.environ.get("SWEEPS_HOME") or "runs"
    if not name.isprintable():
        raise InputError(f"SWEEPS_HOME: a folder is wanted, got {name!r}")
    path = Path(name).absolute()
    if not str(path).isprintable():
        raise InputError(f"the workspace's path must be printable, got {str(path)!r}: SWEEPS_HOME names another folder")
    return path


def study_folder(study: str) -> Path:
    """What belongs to one study alone: its journal, checkpoints and report."""
    return _own(home() / "studies" / check_study_name(study))


def journal(study: str) -> Path:
    """The study's Optuna journal."""
    return study_folder(study) / "journal.log"


def confirmation(study: str) -> Path:
    """The result of the study's confirmation."""
    return study_folder(study) / "confirmation.json"


def confirm_journal(study: str) -> Path:
    """The Optuna journal of the runs that confirm the study's winner."""
    return study_folder(study) / CONFIRM / "journal.log"


def spool(study: str) -> Path:
    """What a tracking store that was away has still to get."""
    return study_folder(study) / "spool"


def export_folder(study: str) -> Path:
    """Where `sweeps export` writes."""
    return _own(Path("exports").absolute() / check_study_name(study))


def _own(folder: Path) -> Path:
    """The folder itself. Above it links are a person's choice (a larger disk); it would be another's data.

    Raises:
        InputError: it is a link.
    """
    if folder.is_symlink():
        raise InputError(f"{folder} must be a folder, got a link to {folder.readlink()}: remove it")
    return folder


def tracking_uri() -> str:
    """`MLFLOW_TRACKING_URI`, or the SQLite file of the workspace.

    A name and a password in it are moved into the variables where MLflow looks for them, of this process and those
    that it starts: MLflow's errors, and the logs of the libraries below it, print the URI.

    Raises:
        InputError: it is none that MLflow can record to.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return _uri_of(home() / "mlflow.db")
    address = _checked(uri)
    if address.scheme not in SERVERS or "@" not in address.netloc:
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(address.username or "")
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(address.password or "")
    bare = urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))
    os.environ["MLFLOW_TRACKING_URI"] = bare
    return bare


def has_store() -> bool:
    """Whether the workspace's own tracking store is there; of another one only itself knows."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (home() / "mlflow.db").is_file()


def _uri_of(database: Path) -> str:
    if (length := len(os.fsencode(database))) > _LONGEST:
        raise InputError(
            f"the path of {database.name} may have {_LONGEST} bytes, since SQLite opens no longer ones, got {length}: "
            "SWEEPS_HOME names another folder"
        )
    if not {"%", "?"} & set(str(database)):
        return f"sqlite:///{database}"
    from tracking import TrackingError  # imports MLflow, for which there is time later otherwise
    from tracking.addresses import sqlite_uri

    try:
        return sqlite_uri(database)
    except TrackingError as error:
        raise InputError(f"{error}: SWEEPS_HOME names another folder") from None


def _checked(uri: str) -> SplitResult:
    """The parts of a tracking URI; what is said of a wrong one leaves out all that could be a password."""
    scheme = uri.partition(":")[0].partition("+")[0] if ":" in uri else ""
    if scheme not in (*SERVERS, *DATABASES):
        allowed = ", ".join(f"{known}:" for known in (*DATABASES, *SERVERS))
        raise InputError(f"MLFLOW_TRACKING_URI: one of {allowed} is wanted, got {scheme or uri.rpartition('@')[2]!r}")
    try:
        address = urlsplit(uri)
        complete = scheme not in SERVERS or (address.hostname and address.port != 0)
    except ValueError:
        complete = False
    if not complete:
        raise InputError(f"MLFLOW_TRACKING_URI: {scheme}://HOST:PORT is wanted, got another host or port")
    return address


def artifact_root() -> str | None:
    """The artifacts' folder as a URI; None where a tracking server decides."""
    return None if os.environ.get("MLFLOW_TRACKING_URI") else (home() / "artifacts").as_uri()
